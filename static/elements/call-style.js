/**
 * The look of `<counterpoint-call>`: one constructed style sheet for all of them, which a strict
 * Content-Security-Policy allows.
 *
 * It follows the `color-scheme` of the place it stands in. CSS variables a site may set:
 * `--counterpoint-font` `-ground` `-ink` `-soft` (quieter text) `-line` `-person` `-agent`
 * `-on-agent` `-alarm` `-focus` `-radius` `-height` (of the captions).
 *
 * What is said stands under its speaker's name, whichever way its words run. In a narrow place, where
 * the controls do not fit in one row, the level goes into the next one with the devices. Every visitor
 * loads this text as it is: no comments inside, no signs that do nothing. Sizes are `em`: the site's text, whatever its root has.
 *
 * @module elements/call-style
 */

const CSS = `
:host{
  --font:var(--counterpoint-font,inherit);
  --ground:var(--counterpoint-ground,light-dark(#fffefb,#1a1e22));
  --ink:var(--counterpoint-ink,light-dark(#1d2126,#eceae4));
  --soft:var(--counterpoint-soft,light-dark(#5a6068,#a3aab2));
  --line:var(--counterpoint-line,light-dark(#e4dfd4,#2f363c));
  --edge:light-dark(#8d8a82,#6d757e);
  --person:var(--counterpoint-person,light-dark(#a94c22,#f0a27c));
  --agent:var(--counterpoint-agent,light-dark(#1b6a72,#6fc8cc));
  --on-agent:var(--counterpoint-on-agent,light-dark(#ffffff,#0c2326));
  --alarm:var(--counterpoint-alarm,light-dark(#b3261e,#ff9a90));
  --focus:var(--counterpoint-focus,light-dark(#1f5fbf,#8ab8ff));
  --sunken:color-mix(in srgb,var(--ink) 6%,var(--ground));
  display:block;min-width:0;text-align:start;
}
:host([hidden]),[hidden]{display:none !important}
*,*::before{box-sizing:border-box}
p,ol,ul,h2{margin:0;padding:0}
ol{list-style:none}
.call{
  display:flex;flex-direction:column;container-type:inline-size;contain-intrinsic-inline-size:360px;
  font-family:var(--font);font-size:1em;line-height:1.5;color:var(--ink);
  background:var(--ground);border:1px solid var(--line);border-radius:var(--counterpoint-radius,16px);
}
:focus-visible{outline:2.5px solid var(--focus);outline-offset:2px;border-radius:6px}
.unseen{position:absolute;width:1px;height:1px;margin:-1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.head{display:flex;flex-wrap:wrap;align-items:center;gap:2px 14px;padding:14px 18px 4px}
.heading{font-weight:650;letter-spacing:-.01em;overflow-wrap:anywhere}
.status{display:flex;align-items:center;gap:8px;margin-inline-start:auto;font-size:.875em;color:var(--soft)}
.dot{flex:none;width:9px;height:9px;border-radius:50%;background:var(--edge)}
[data-phase=live] .dot{background:var(--agent)}
[data-phase$=ing] .dot{background:#d39b2a;animation:breathe 1.4s ease-in-out infinite}
[data-phase=failed] .dot{background:var(--alarm)}
@keyframes breathe{50%{opacity:.35}}

.captions{display:flex;flex-direction:column;min-height:0}
.scroller{height:var(--counterpoint-height,260px);overflow-y:auto;overscroll-behavior:contain;padding:8px 18px 12px}
.scroller:focus-visible{outline-offset:-3px}
.empty{color:var(--soft)}
.turn{padding:5px 0}
.who{font-size:.8125em;font-weight:650}
.turn[data-who=person] .who{color:var(--person)}
.turn[data-who=agent] .who{color:var(--agent)}
.said{overflow-wrap:anywhere;text-align:left}
:host(:dir(rtl)) .said{text-align:right}
.said .coming{color:var(--soft);text-decoration:underline dotted 1px;text-underline-offset:4px}
.said s{color:var(--soft);text-decoration-color:var(--alarm)}
.badge{margin-inline-start:8px;padding:1px 8px;border-radius:99px;font-size:.75em;color:var(--ink);background:var(--sunken);white-space:nowrap}

.controls{position:relative;display:flex;flex-wrap:wrap;align-items:center;gap:8px;padding:12px 14px;border-top:1px solid var(--line)}
.button{
  display:inline-flex;align-items:center;justify-content:center;gap:8px;min-height:44px;padding:0 16px;
  font:inherit;font-weight:550;color:var(--ink);background:var(--ground);
  border:1px solid var(--edge);border-radius:12px;cursor:pointer;white-space:nowrap;
}
.button:hover:not(:disabled,[aria-disabled=true]){background:var(--sunken)}
.button:is(:disabled,[aria-disabled=true]){color:var(--soft);border-color:var(--line);cursor:default}
.button.primary{min-width:118px;color:var(--on-agent);background:var(--agent);border-color:var(--agent)}
.button.primary:hover{background:color-mix(in srgb,var(--agent) 88%,var(--ink))}
.button.primary[data-does=end]{color:var(--alarm);background:var(--ground);border-color:var(--alarm)}
.button.small{min-height:36px;padding:0 12px;font-size:.875em}
.button[aria-pressed=true]{color:var(--alarm);border-color:var(--alarm)}
.glyph{flex:none;width:12px;height:12px;background:currentColor}
.glyph-start{clip-path:polygon(8% 0,100% 50%,8% 100%)}
:host(:dir(rtl)) .glyph-start{transform:scaleX(-1)}
[data-does=end] .glyph-start{clip-path:none;border-radius:50%}
.glyph-stop{border-radius:3px}
.glyph-mute{width:8px;height:14px;border-radius:5px}
.level{flex:1 1 40px;min-width:40px;max-width:180px;height:8px;margin-inline:4px;border-radius:4px;background:var(--line);overflow:hidden}
.level span{display:block;height:100%;border-radius:4px;background:var(--person);transform:scaleX(0);transform-origin:left}
:host(:dir(rtl)) .level span{transform-origin:right}
.devices{margin-inline-start:auto}
.devices summary{list-style:none;border-color:transparent}
.devices summary::-webkit-details-marker{display:none}
.devices summary::after{content:"";width:7px;height:7px;border:solid currentColor;border-width:0 1.75px 1.75px 0;transform:translateY(-2px) rotate(45deg)}
.sheet{
  position:absolute;inset-inline-end:14px;bottom:calc(100% + 6px);z-index:1;width:min(300px,calc(100% - 28px));padding:10px 16px 16px;
  background:var(--ground);border:1px solid var(--line);border-radius:14px;box-shadow:0 8px 28px rgb(0 0 0 / .18);
}
label:not(.unseen){display:block;margin-top:6px;font-size:.8125em;font-weight:600;color:var(--soft)}
select,input{width:100%;min-height:44px;padding:0 12px;font:inherit;color:var(--ink);background:var(--ground);border:1px solid var(--edge);border-radius:10px}
input:placeholder-shown{direction:inherit;text-overflow:ellipsis}
::placeholder{color:var(--soft);opacity:1}
.sight{padding:0 14px 12px;font-size:.875em}
.looking{color:var(--soft)}
.looking[data-looking=true]{color:var(--alarm);font-weight:600}
.switches{display:flex;flex-wrap:wrap;gap:8px;margin-block:8px}
.own{position:relative;margin-block:8px;border-radius:10px;overflow:hidden;background:var(--sunken)}
.own video{display:block;width:100%}
.own .mirrored{transform:scaleX(-1)}
.boxes{position:absolute;inset:0;pointer-events:none}
.box{position:absolute;border:2px solid var(--agent);border-radius:4px}
.box span{position:absolute;left:-2px;top:-2px;padding:0 5px;font-size:.86em;color:var(--on-agent);background:var(--agent);white-space:nowrap}
.sight .draw{display:flex;align-items:center;gap:8px;font-size:.93em}
.draw input{width:auto;min-height:auto}
.composer{display:grid;grid-template-columns:minmax(0,1fr) auto;gap:8px;padding:0 14px 14px}
.field-error{grid-column:1 / -1;font-size:.875em;color:var(--alarm)}
.field-error:empty{display:none}

.problem{margin:8px 14px;padding:12px 16px;border:1px solid var(--alarm);border-radius:12px}
.problem[data-retry]{border-color:#c8973a}
.problem h2{font-size:1em}
.problem ul{margin:4px 0 0;padding-inline-start:1.15em}
.problem li{overflow-wrap:anywhere}
.problem .row{display:flex;flex-wrap:wrap;align-items:center;gap:8px;margin-top:10px}
.notices{display:grid;gap:6px;padding:0 14px}
.notice{display:flex;align-items:center;gap:12px;padding:6px 6px 6px 14px;border-radius:10px;background:var(--sunken);font-size:.9375em}
.notice p{flex:1;padding-block:4px}
@container (max-width: 560px){
  .controls .button{flex:1 1 auto;padding-inline:10px}
  .level{flex-basis:50%;max-width:none}
}
@container (max-width: 380px){.level{flex-basis:40px}}
@media (prefers-reduced-motion: reduce){.dot{animation:none !important}}
@media (forced-colors:active){.dot,.level{border:1px solid}.level span{background:Highlight}}
`;

/** @type {CSSStyleSheet | null} */
let sheet = null;

/** The style sheet; made when first asked for. */
export function callStyle() {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
  }
  return sheet;
}
