"use strict";
(() => {
  const samples = JSON.parse(document.getElementById("run-data").textContent);
  const at = (id) => document.getElementById(id);
  const slider = at("step"), canvas = at("raster"), choice = at("window"), picker = at("sample");
  const LABEL = 16, GAP = 8, FOOT = 22;
  const TILE = 48, TILE_GAP = 4, MOST_PIXELS = 4e6;  // of a map: its width, what is between two, all of them
  let sample, data, rowHeight, height, sums, means, cells, bars, chosen = null;

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
  const levels = (packed) => Uint8Array.from(atob(packed.bytes), (letter) => letter.charCodeAt(0));
  const value = (packed, level) => packed.low + (level / 255) * (packed.high - packed.low);
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const index = (unit, shape) => {
    const found = [];
    for (const size of [...shape].reverse()) {
      found.unshift(unit % size);
      unit = Math.floor(unit / size);
    }
    return found.length > 1 ? ` (${found.join(", ")})` : "";
  };
  const sized = (target, width, tall) => {
    const scale = window.devicePixelRatio || 1;
    target.style.height = tall + "px";
    target.width = Math.round(width * scale);
    target.height = Math.round(tall * scale);
    const pen = target.getContext("2d");
    pen.scale(scale, scale);
    pen.font = "12px system-ui, sans-serif";
    return pen;
  };

  // a sample: its tables, bars and pictures
  function open(number_) {
    sample = samples[number_];
    data = sample.run;
    at("about").textContent = sample.about;
    const nRows = data.layers.reduce((sum, layer) => sum + layer.shown.length, 0);
    rowHeight = Math.max(1.5, Math.min(9, 480 / Math.max(nRows, 1)));
    height = data.layers.reduce((sum, layer) => sum + LABEL + GAP + rowHeight * layer.shown.length, FOOT);
    sums = data.layers.map((layer) => {
      let sum = 0;
      return layer.per_step.map((count) => (sum += count));
    });
    means = data.outputs.map((output) => output.values.map((values) => {
      let sum = 0;
      return values.map((each, step) => (sum += each) / (step + 1));
    }));
    at("rates").replaceChildren();
    at("outputs").replaceChildren();
    const head = element("tr", null, at("rates"));
    for (const text of ["layer", "spikes in step", "mean Hz so far", "expected Hz"]) element("th", text, head);
    cells = data.layers.map((layer) => {
      const row = element("tr", null, at("rates"));
      element("td", layer.name, row).title = layer.name;
      const found = [element("td", "", row), element("td", "", row)];
      element("td", number(layer.expected), row);
      return found;
    });
    bars = data.outputs.map((output, place) => {
      const some = output.shown.length < output.n_values ? ` (${output.shown.length} of ${output.n_values} shown)` : "";
      element("h3", `${output.name}: mean so far${some}; line: rate network`, at("outputs"));
      const all = [...means[place].flat(), ...output.expected, 0];
      const low = all.reduce((a, b) => Math.min(a, b)), high = all.reduce((a, b) => Math.max(a, b));
      const share = (each) => (100 * (each - low)) / (high - low || 1);
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
    pictures();
    maps();
    show();
  }

  // pictures: the inputs in their own colours, and kernels and the rates of a layer's channels side by side
  function paint(target, width, tall, pixel) {
    target.width = width;
    target.height = tall;
    const pen = target.getContext("2d"), image = pen.createImageData(width, tall);
    for (let y = 0; y < tall; y++) for (let x = 0; x < width; x++) image.data.set(pixel(x, y), 4 * (y * width + x));
    pen.putImageData(image, 0, 0);
  }

  function pictures() {
    at("pictures").replaceChildren();
    for (const picture of sample.pictures) {
      const [tall, width, channels] = picture.shape, bytes = levels(picture);
      const figure = element("figure", null, at("pictures"));
      const range = `${number(picture.low)} … ${number(picture.high)}`;
      element("figcaption", `${picture.name}, ${range}`, figure);
      const drawn = element("canvas", null, figure, "picture");
      drawn.setAttribute("role", "img");
      drawn.setAttribute("aria-label", `input ${picture.name} as a picture`);
      paint(drawn, width, tall, (x, y) => {
        const from = (y * width + x) * channels;
        return [0, 1, 2].map((c) => bytes[from + (channels === 3 ? c : 0)]).concat(255);
      });
    }
  }

  function maps() {  // of open layers, those that are not painted yet as they should be
    for (const target of document.querySelectorAll("canvas.maps")) {
      if (!target.closest("details").open) continue;
      const place = data.layers.findIndex((layer) => layer.name === target.dataset.layer);
      const map = target.dataset.kernel ? JSON.parse(target.dataset.kernel) : sample.neurons[place].maps;
      const [tall, wide, ...channels] = map.shape, n = channels.reduce((a, b) => a * b);
      const scale = Math.max(1, Math.floor(Math.min(TILE / wide, Math.sqrt(MOST_PIXELS / (n * tall * wide)))));
      const step = { x: wide * scale + TILE_GAP, y: tall * scale + TILE_GAP };
      const fitting = Math.floor((document.querySelector("main").clientWidth - 64) / step.x);
      const columns = Math.max(1, Math.min(map.shape.at(-1), fitting));
      const shown = target.dataset.kernel || sample;
      if (target.shown === shown && target.columns === columns) continue;
      Object.assign(target, { shown, columns });
      const bytes = levels(map);
      target.width = columns * step.x - TILE_GAP;
      target.height = Math.ceil(n / columns) * step.y - TILE_GAP;
      const pen = target.getContext("2d");
      bytes.forEach((level, unit) => {
        const tile = unit % n, spot = Math.floor(unit / n);
        pen.fillStyle = `rgb(${level}, ${level}, ${level})`;
        pen.fillRect((tile % columns) * step.x + (spot % wide) * scale,
          Math.floor(tile / columns) * step.y + Math.floor(spot / wide) * scale, scale, scale);
      });
      const note = target.previousElementSibling.querySelector(".range"), unit = target.dataset.unit;
      const range = `black ${number(map.low)} ${unit}, white ${number(map.high)} ${unit}`;
      note.textContent = range;
      target.onmouseleave = () => { note.textContent = range; };
      target.onmousemove = (event) => {
        const bounds = target.getBoundingClientRect(), shrunk = target.width / bounds.width;
        const x = (event.clientX - bounds.left) * shrunk, y = (event.clientY - bounds.top) * shrunk;
        const tile = Math.floor(y / step.y) * columns + Math.floor(x / step.x);
        const row = Math.floor((y % step.y) / scale), column = Math.floor((x % step.x) / scale);
        if (tile >= n || row >= tall || column >= wide) return target.onmouseleave();
        const found = (row * wide + column) * n + tile;
        note.textContent = `${target.dataset.what} ${found}${index(found, map.shape)}: ` +
          `${number(Number(value(map, bytes[found]).toPrecision(3)))} ${unit}`;
      };
    }
  }

  // the raster
  const view = () => {
    const span = Math.min(Number(choice.value), data.n_steps), step = Number(slider.value);
    const first = Math.max(1, Math.min(step - Math.floor(span / 2), data.n_steps - span + 1));
    return { span, step, first };
  };

  function draw() {
    const width = canvas.clientWidth || 600, pen = sized(canvas, width, height), { span, step, first } = view();
    const column = width / span, x = (s) => (s - first) * column;
    const [ink, faint, mark, bar] = ["ink", "faint", "mark", "bar"].map(colour);
    pen.fillStyle = faint;
    pen.fillRect(x(step), 0, Math.max(column, 1.5), height - FOOT);
    let top = 0;
    data.layers.forEach((layer, place) => {
      pen.fillStyle = ink;
      pen.fillText(layer.name, 0, top + 12);
      top += LABEL;
      pen.fillStyle = faint;
      pen.fillRect(0, top - 1, width, 1);
      if (chosen && chosen.layer === place) pen.fillRect(0, top + chosen.row * rowHeight, width, Math.max(rowHeight, 3));
      layer.steps.forEach((steps, row) => {
        steps.forEach((s, spike) => {
          if (s < first || s >= first + span) return;
          const count = layer.counts[row] ? layer.counts[row][spike] : 1;
          pen.fillStyle = s === step ? mark : count === 1 ? ink : count > 1 ? bar : mark;
          pen.fillRect(x(s), top + row * rowHeight, Math.max(1, Math.min(column * 0.7, 3)), Math.max(rowHeight - 0.5, 1));
        });
      });
      top += layer.shown.length * rowHeight + GAP;
    });
    pen.fillStyle = colour("grey");
    const ms = (s) => number(s * data.dt * 1e3) + " ms";
    pen.fillText(ms(first - 1), 0, height - 6);
    pen.textAlign = "right";
    pen.fillText(ms(first + span - 1), width, height - 6);
  }

  // the neuron that is chosen: its name and numbers, and its voltage over time
  function tell(place) {
    const layer = data.layers[place.layer], neurons = sample.neurons[place.layer], unit = layer.shown[place.row];
    const step = Number(slider.value), found = layer.steps[place.row].indexOf(step);
    const count = found < 0 ? 0 : layer.counts[place.row] ? layer.counts[place.row][found] : 1;
    const level = levels(neurons.voltages)[place.row * data.n_steps + step - 1];
    at("neuron").textContent =
      `${layer.name}, neuron ${unit}${index(unit, neurons.shape)}: ${number(neurons.rates[place.row])} Hz in spikes, ` +
      `${number(neurons.expected[place.row])} Hz expected at J = ${number(neurons.currents[place.row])}. ` +
      `Step ${step}: ${count} ${Math.abs(count) === 1 ? "spike" : "spikes"}, ` +
      `voltage ${number(Number(value(neurons.voltages, level).toPrecision(3)))}.`;
  }

  function trace() {
    const target = at("voltage");
    target.hidden = chosen === null;
    if (chosen === null) return;
    const packed = sample.neurons[chosen.layer].voltages, bytes = levels(packed);
    const layer = data.layers[chosen.layer], { span, step, first } = view();
    const width = target.clientWidth || 600, tall = 120, pen = sized(target, width, tall), column = width / span;
    const voltages = [...bytes.subarray(chosen.row * data.n_steps, (chosen.row + 1) * data.n_steps)]
      .map((level) => value(packed, level));
    const high = Math.max(...voltages, 1), low = Math.min(...voltages, 0);
    const y = (each) => 8 + (tall - 30) * (1 - (each - low) / (high - low || 1));
    const x = (s) => (s - first + 0.5) * column;
    pen.fillStyle = colour("faint");
    pen.fillRect(x(step) - column / 2, 0, Math.max(column, 1.5), tall - 18);
    for (const each of [0, 1]) pen.fillRect(0, y(each), width, 1);
    pen.strokeStyle = colour("bar");
    pen.beginPath();
    for (let s = first; s < first + span; s++) {
      pen.lineTo(x(s), y(voltages[s - 1]));
    }
    pen.stroke();
    pen.fillStyle = colour("mark");
    for (const s of layer.steps[chosen.row]) if (s >= first && s < first + span) pen.fillRect(x(s) - 1, 0, 2, 8);
    pen.fillStyle = colour("grey");
    pen.fillText("voltage; lines at 0 and 1, marks at spikes", 0, tall - 4);
  }

  function find(event) {
    const bounds = canvas.getBoundingClientRect(), y = event.clientY - bounds.top;
    let top = 0;
    for (let layer = 0; layer < data.layers.length; layer++) {
      top += LABEL;
      const row = Math.floor((y - top) / rowHeight), n = data.layers[layer].shown.length;
      if (row >= 0 && row < n) return { layer, row };
      top += n * rowHeight + GAP;
    }
    return null;
  }

  function choose(place) {
    chosen = place;
    if (chosen) tell(chosen);
    trace();
    draw();
  }

  function move(rows) {
    const all = data.layers.flatMap((layer, place) => layer.shown.map((_, row) => ({ layer: place, row })));
    const now = chosen ? all.findIndex((each) => each.layer === chosen.layer && each.row === chosen.row) : -1;
    if (all.length) choose(all[Math.max(0, Math.min(all.length - 1, now + rows))]);
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
    choose(chosen);
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
  canvas.addEventListener("mousemove", (event) => {
    const place = find(event);
    if (place) tell(place);
  });
  canvas.addEventListener("mouseleave", () => { if (chosen) tell(chosen); });
  canvas.addEventListener("click", (event) => {
    const place = find(event), { span, first } = view(), bounds = canvas.getBoundingClientRect();
    if (!place) return;
    stop();
    slider.value = first + Math.floor(((event.clientX - bounds.left) / bounds.width) * span);
    chosen = place;
    show();
  });
  canvas.addEventListener("keydown", (event) => {
    const act = {
      ArrowUp: () => move(-1), ArrowDown: () => move(1), PageUp: () => move(-10), PageDown: () => move(10),
      ArrowLeft: () => go(Number(slider.value) - 1), ArrowRight: () => go(Number(slider.value) + 1),
      Home: () => go(1), End: () => go(data.n_steps),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    stop();
    act();
  });
  slider.addEventListener("input", () => { stop(); show(); });
  choice.addEventListener("change", show);
  picker.addEventListener("change", () => { stop(); open(Number(picker.value)); });
  window.addEventListener("resize", () => { maps(); show(); });
  document.addEventListener("toggle", maps, true);  // toggles do not bubble
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);

  data = samples[0].run;
  samples.forEach((each, place) => {
    element("option", each.about, picker).value = place;
  });
  at("choose").hidden = samples.length < 2;
  slider.max = data.n_steps;
  for (const steps of [data.n_steps, 200, 50].filter((n, place) => place === 0 || n < data.n_steps)) {
    element("option", steps === data.n_steps ? "all steps" : steps + " steps", choice).value = steps;
  }
  slider.value = data.n_steps;
  open(0);
})();
