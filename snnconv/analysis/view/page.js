"use strict";
(() => {
  const data = JSON.parse(document.getElementById("run-data").textContent);
  const at = (id) => document.getElementById(id);
  const slider = at("step"), canvas = at("raster"), choice = at("window");
  const LABEL = 16, GAP = 8, FOOT = 22;
  const nRows = data.layers.reduce((sum, layer) => sum + layer.shown.length, 0);
  const rowHeight = Math.max(1.5, Math.min(9, 480 / Math.max(nRows, 1)));
  const height = data.layers.reduce((sum, layer) => sum + LABEL + GAP + rowHeight * layer.shown.length, FOOT);
  const sums = data.layers.map((layer) => {
    let sum = 0;
    return layer.per_step.map((count) => (sum += count));
  });
  const means = data.outputs.map((output) => output.values.map((values) => {
    let sum = 0;
    return values.map((value, step) => (sum += value) / (step + 1));
  }));
  const number = (value) => {
    if (value !== 0 && Math.abs(value) < 0.001) return value < 0 ? "> -0.001" : "< 0.001";
    return String(Number(value.toPrecision(4)));
  };
  const element = (tag, text, parent, className) => {
    const made = document.createElement(tag);
    if (text !== null) made.textContent = text;
    if (className) made.className = className;
    parent.appendChild(made);
    return made;
  };

  slider.max = data.n_steps;
  for (const steps of [data.n_steps, 200, 50].filter((n, place) => place === 0 || n < data.n_steps)) {
    element("option", steps === data.n_steps ? "all steps" : steps + " steps", choice).value = steps;
  }
  const head = element("tr", null, at("rates"));
  for (const text of ["layer", "spikes in step", "mean Hz so far", "expected Hz"]) element("th", text, head);
  const cells = data.layers.map((layer) => {
    const row = element("tr", null, at("rates"));
    element("td", layer.name, row).title = layer.name;
    const found = [element("td", "", row), element("td", "", row)];
    element("td", number(layer.expected), row);
    return found;
  });
  const bars = data.outputs.map((output, place) => {
    const some = output.shown.length < output.n_values ? ` (${output.shown.length} of ${output.n_values} shown)` : "";
    element("h3", `${output.name}: mean so far${some}; line: rate network`, at("outputs"));
    const all = [...means[place].flat(), ...output.expected, 0];
    const low = all.reduce((a, b) => Math.min(a, b)), high = all.reduce((a, b) => Math.max(a, b));
    const share = (value) => (100 * (value - low)) / (high - low || 1);
    return output.shown.map((unit, line) => {
      const row = element("div", null, at("outputs"), "value");
      element("span", unit, row);
      const track = element("div", null, row, "track");
      const bar = element("i", null, track);
      element("b", null, track).style.left = share(output.expected[line]) + "%";
      return { row, bar, share, text: element("span", "", row) };
    });
  });
  at("shown").textContent = data.layers
    .filter((layer) => layer.shown.length < layer.n_neurons)
    .map((layer) => `${layer.name}: ${layer.shown.length} of ${layer.n_neurons.toLocaleString("en")} neurons shown`)
    .join("; ");

  function draw(step) {
    const width = canvas.clientWidth || 600, scale = window.devicePixelRatio || 1;
    canvas.style.height = height + "px";
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const pen = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue("--" + name).trim();
    pen.scale(scale, scale);
    pen.font = "12px system-ui, sans-serif";
    const span = Math.min(Number(choice.value), data.n_steps);
    const first = Math.max(1, Math.min(step - Math.floor(span / 2), data.n_steps - span + 1));
    const column = width / span, x = (s) => (s - first) * column;
    pen.fillStyle = colour("faint");
    pen.fillRect(x(step), 0, Math.max(column, 1.5), height - FOOT);
    let top = 0;
    for (const layer of data.layers) {
      pen.fillStyle = colour("ink");
      pen.fillText(layer.name, 0, top + 12);
      top += LABEL;
      pen.fillStyle = colour("faint");
      pen.fillRect(0, top - 1, width, 1);
      layer.steps.forEach((steps, row) => {
        steps.forEach((s, place) => {
          if (s < first || s >= first + span) return;
          const count = layer.counts[row] ? layer.counts[row][place] : 1;
          pen.fillStyle = colour(s === step ? "mark" : count === 1 ? "ink" : count > 1 ? "bar" : "mark");
          pen.fillRect(x(s), top + row * rowHeight, Math.max(1, Math.min(column * 0.7, 3)), Math.max(rowHeight - 0.5, 1));
        });
      });
      top += layer.shown.length * rowHeight + GAP;
    }
    pen.fillStyle = colour("grey");
    const ms = (s) => number(s * data.dt * 1e3) + " ms";
    pen.fillText(ms(first - 1), 0, height - 6);
    pen.textAlign = "right";
    pen.fillText(ms(first + span - 1), width, height - 6);
  }

  function show() {
    const step = Number(slider.value), time = step * data.dt;
    at("now").textContent = `${step} of ${data.n_steps}, ${number(time * 1e3)} ms`;
    data.layers.forEach((layer, place) => {
      cells[place][0].textContent = layer.per_step[step - 1];
      cells[place][1].textContent = number(sums[place][step - 1] / (layer.n_neurons * time));
    });
    bars.forEach((lines, place) => {
      const now = means[place].map((values) => values[step - 1]);
      const best = now.indexOf(Math.max(...now));
      lines.forEach(({ row, bar, share, text }, line) => {
        const from = share(Math.min(0, now[line])), to = share(Math.max(0, now[line]));
        bar.style.left = from + "%";
        bar.style.width = to - from + "%";
        text.textContent = number(now[line]);
        row.className = line === best ? "value first" : "value";
      });
    });
    draw(step);
  }

  let timer = null;
  const stop = () => { clearInterval(timer); timer = null; at("play").textContent = "play"; };
  const go = (step) => { slider.value = Math.max(1, Math.min(data.n_steps, step)); show(); };
  at("back").onclick = () => { stop(); go(Number(slider.value) - 1); };
  at("on").onclick = () => { stop(); go(Number(slider.value) + 1); };
  at("play").onclick = () => {
    if (timer !== null) return stop();
    if (Number(slider.value) === data.n_steps) go(1);
    at("play").textContent = "stop";
    timer = setInterval(() => {
      if (Number(slider.value) === data.n_steps) return stop();
      go(Number(slider.value) + 1);
    }, Math.max(40, 5000 / data.n_steps));
  };
  slider.addEventListener("input", () => { stop(); show(); });
  choice.addEventListener("change", show);
  window.addEventListener("resize", show);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  slider.value = data.n_steps;
  show();
})();
