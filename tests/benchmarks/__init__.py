"""How fast snnconv is: measured, next to other systems and next to what the machine allows. See README.md."""
