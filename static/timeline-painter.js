/**
 * Draws a `Picture` of timeline.js on a canvas. Knows nothing of conversations.
 *
 * @module timeline-painter
 */

/** @typedef {import('./timeline.js').Picture} Picture */
/** @typedef {{person: string, agent: string, ink: string, faint: string, line: string, overlap: string, alarm: string, paper: string, font: string}} Palette */

/**
 * Colours from the CSS variables in force at `element`.
 * @param {Element} element
 * @returns {Palette}
 */
export function paletteOf(element) {
  const style = getComputedStyle(element);
  /** @param {string} name */
  const colour = (name) => style.getPropertyValue(`--${name}`).trim() || '#888';
  return {
    person: colour('person'),
    agent: colour('agent'),
    ink: colour('ink-soft'),
    faint: colour('ink-faint'),
    line: colour('line'),
    overlap: colour('overlap'),
    alarm: colour('alarm'),
    paper: colour('paper'),
    font: style.fontFamily,
  };
}

/**
 * @param {CanvasRenderingContext2D} ink scaled so that its unit is a CSS pixel
 * @param {Picture} picture
 * @param {Palette} palette
 */
export function paint(ink, picture, palette) {
  ink.clearRect(0, 0, picture.width, picture.height);
  paintTicks(ink, picture, palette);
  paintOverlaps(ink, picture, palette);
  for (const block of picture.blocks) paintBlock(ink, picture, block, palette);
  paintBars(ink, picture, palette);
  for (const x of picture.cuts) paintCut(ink, picture, x, palette);
  for (const x of picture.typed) paintTyped(ink, picture, x, palette);
  paintMarks(ink, picture, palette);
  paintSeen(ink, picture, palette);
  paintNow(ink, picture, palette);
}

/** @param {CanvasRenderingContext2D} ink @param {Picture} picture @param {Palette} palette */
function paintTicks(ink, { ticks, lanes, height, width }, { line, faint, font }) {
  ink.lineWidth = 1;
  ink.strokeStyle = line;
  for (const lane of [lanes.person, lanes.agent]) {
    const y = Math.round(lane.top + lane.height / 2) + 0.5;
    stroke(ink, 0, y, width, y);
  }
  ink.fillStyle = faint;
  ink.font = `11px ${font}`;
  ink.textAlign = 'center';
  ink.textBaseline = 'alphabetic';
  for (const tick of ticks) {
    const x = Math.round(tick.x) + 0.5;
    ink.globalAlpha = 0.6;
    stroke(ink, x, 4, x, height - 20);
    ink.globalAlpha = 1;
    ink.fillText(tick.label, x, height - 4);
  }
}

/** @param {CanvasRenderingContext2D} ink @param {Picture} picture @param {Palette} palette */
function paintOverlaps(ink, { overlaps, lanes }, { overlap }) {
  ink.fillStyle = overlap;
  const top = lanes.person.top + 6;
  const bottom = lanes.agent.top + lanes.agent.height - 6;
  for (const { x, width } of overlaps) {
    ink.beginPath();
    ink.roundRect(x, top, Math.max(2, width), bottom - top, 6);
    ink.fill();
  }
}

/** @param {CanvasRenderingContext2D} ink @param {Picture} picture @param {import('./timeline.js').Block} block @param {Palette} palette */
function paintBlock(ink, { lanes }, block, palette) {
  const lane = lanes[block.who];
  const colour = palette[block.who];
  const [y, height] = [lane.top + 8, lane.height - 16];
  ink.save();
  ink.beginPath();
  ink.roundRect(block.x, y, block.width, height, Math.min(9, block.width / 2));
  if (block.kind === 'speech' || block.kind === 'heard') {
    ink.globalAlpha = 0.17;
    ink.fillStyle = colour;
    ink.fill();
  } else {
    ink.globalAlpha = block.kind === 'planned' ? 0.65 : 0.45;
    ink.strokeStyle = block.kind === 'planned' ? colour : palette.faint;
    ink.lineWidth = 1.25;
    ink.setLineDash([3, 3]);
    ink.stroke();
    if (block.kind === 'lost') hatch(ink, block, y, height);
  }
  ink.restore();
}

/** @param {CanvasRenderingContext2D} ink @param {{x: number, width: number}} block @param {number} y @param {number} height */
function hatch(ink, { x, width }, y, height) {
  ink.clip();
  ink.setLineDash([]);
  ink.lineWidth = 1;
  ink.globalAlpha = 0.3;
  for (let at = x - height; at < x + width; at += 7) stroke(ink, at, y + height, at + height, y);
}

/** @param {CanvasRenderingContext2D} ink @param {Picture} picture @param {Palette} palette */
function paintBars(ink, { bars, lanes }, palette) {
  for (const { who, x, level, voiced } of bars) {
    const lane = lanes[who];
    const height = Math.max(2, Math.sqrt(level) * (lane.height - 26));
    // Sound that is nobody's turn, a cough or a fan, is there but fainter.
    ink.globalAlpha = voiced ? 1 : 0.45;
    ink.fillStyle = palette[who];
    ink.beginPath();
    ink.roundRect(x - 1, lane.top + (lane.height - height) / 2, 2, height, 1);
    ink.fill();
  }
  ink.globalAlpha = 1;
}

/** @param {CanvasRenderingContext2D} ink @param {Picture} picture @param {number} x @param {Palette} palette */
function paintCut(ink, { lanes }, x, { alarm }) {
  const { top, height } = lanes.agent;
  ink.strokeStyle = alarm;
  ink.lineWidth = 2.5;
  ink.lineCap = 'round';
  stroke(ink, x - 4, top + height - 5, x + 4, top + 5);
  ink.lineCap = 'butt';
}

/** A keyboard's key in the person's lane. @param {CanvasRenderingContext2D} ink @param {Picture} picture @param {number} x @param {Palette} palette */
function paintTyped(ink, { lanes }, x, { person, paper }) {
  const y = lanes.person.top + lanes.person.height / 2;
  ink.fillStyle = paper;
  ink.strokeStyle = person;
  ink.lineWidth = 1.75;
  ink.beginPath();
  ink.roundRect(x - 8, y - 8, 16, 16, 4);
  ink.fill();
  ink.stroke();
  stroke(ink, x - 3.5, y + 3.5, x + 3.5, y + 3.5);
}

/** An eye's almond at the top of the person's lane, with what was seen where there is room. @param {CanvasRenderingContext2D} ink @param {Picture} picture @param {Palette} palette */
function paintSeen(ink, { seen, lanes }, { ink: dark, font }) {
  const y = lanes.person.top + 9;
  ink.fillStyle = dark;
  ink.font = `11px ${font}`;
  ink.textAlign = 'left';
  ink.textBaseline = 'middle';
  for (const [index, { x, label }] of seen.entries()) {
    ink.beginPath();
    ink.moveTo(x - 5, y);
    ink.quadraticCurveTo(x, y - 7, x + 5, y);
    ink.quadraticCurveTo(x, y + 7, x - 5, y);
    ink.fill();
    const room = (seen[index + 1]?.x ?? Infinity) - x;
    if (room > 24 && ink.measureText(label).width + 14 < room) ink.fillText(label, x + 8, y);
  }
}

/**
 * take: a triangle towards the agent · yield: towards the person · backchannel: a dot · hold: a bar ·
 * listen: a ring.
 * @param {CanvasRenderingContext2D} ink @param {Picture} picture @param {Palette} palette
 */
function paintMarks(ink, { marks, lanes }, palette) {
  const y = (lanes.person.height + lanes.agent.top) / 2;
  for (const { x, decision, probability } of marks) {
    const towardsAgent = decision === 'take' || decision === 'hold' || decision === 'backchannel';
    ink.fillStyle = ink.strokeStyle = towardsAgent ? palette.agent : palette.person;
    ink.globalAlpha = 0.45 + 0.55 * probability;
    ink.beginPath();
    if (decision === 'take') triangle(ink, x, y, 1);
    else if (decision === 'yield') triangle(ink, x, y, -1);
    else if (decision === 'hold') ink.roundRect(x - 5, y - 1.5, 10, 3, 1.5);
    else ink.arc(x, y, decision === 'backchannel' ? 3.5 : 3, 0, 2 * Math.PI);
    if (decision !== 'listen') ink.fill();
    else {
      ink.lineWidth = 1.5;
      ink.stroke();
    }
  }
  ink.globalAlpha = 1;
}

/** @param {CanvasRenderingContext2D} ink @param {Picture} picture @param {Palette} palette */
function paintNow(ink, { nowX, height }, palette) {
  ink.strokeStyle = palette.ink;
  ink.lineWidth = 1;
  ink.globalAlpha = 0.7;
  stroke(ink, nowX + 0.5, 0, nowX + 0.5, height - 20);
  ink.globalAlpha = 1;
  ink.fillStyle = palette.ink;
  ink.font = `600 11px ${palette.font}`;
  ink.textAlign = 'center';
  ink.fillText('now', nowX, height - 4);
}

/** @param {CanvasRenderingContext2D} ink @param {number} x @param {number} y @param {1 | -1} down */
function triangle(ink, x, y, down) {
  ink.moveTo(x - 5, y - 4 * down);
  ink.lineTo(x + 5, y - 4 * down);
  ink.lineTo(x, y + 5 * down);
  ink.closePath();
}

/** @param {CanvasRenderingContext2D} ink @param {number} x0 @param {number} y0 @param {number} x1 @param {number} y1 */
function stroke(ink, x0, y0, x1, y1) {
  ink.beginPath();
  ink.moveTo(x0, y0);
  ink.lineTo(x1, y1);
  ink.stroke();
}
