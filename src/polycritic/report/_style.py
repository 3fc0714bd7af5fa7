"""The page's style: system letters, calm colours that colour-blind readers can tell apart, light and dark, wide and narrow."""

STYLE = """
:root { --paper:#fbfaf8; --card:#fff; --ink:#23272f; --soft:#667080; --rule:#e3e2dd; --track:#f0efea;
  --c0:#1f6aa5; --c1:#c8741d; --c2:#1b8a6b; --c3:#9a5fa3; --c4:#7d8590; --c5:#b0413e; --below:#b0413e; }
@media (prefers-color-scheme: dark) { :root { --paper:#14171c; --card:#1c2027; --ink:#e4e7ec; --soft:#98a1b0; --rule:#323843;
  --track:#262b34; --c0:#62aee6; --c1:#eba155; --c2:#4fc3a1; --c3:#c795d0; --c4:#a0a8b4; --c5:#e58481; --below:#e58481; } }
* { box-sizing:border-box; }
html { -webkit-text-size-adjust:100%; }
body { margin:0; background:var(--paper); color:var(--ink); font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif; }
main { max-width:1040px; margin:0 auto; padding:40px 24px 64px; }
h1 { font-size:1.9rem; line-height:1.2; margin:0 0 .5rem; letter-spacing:-.015em; overflow-wrap:anywhere; }
h2 { font-size:1.25rem; margin:2.75rem 0 .25rem; letter-spacing:-.01em; }
h3 { font-size:.95rem; margin:0 0 .35rem; font-weight:600; overflow-wrap:anywhere; }
p { margin:.4rem 0; max-width:70ch; overflow-wrap:anywhere; }
.note, .legend { color:var(--soft); font-size:.875rem; }
.number, td, .tock { font-variant-numeric:tabular-nums; }
.cards { display:grid; grid-template-columns:repeat(auto-fit,minmax(min(100%,300px),1fr)); gap:16px; margin:1.25rem 0; }
.card { background:var(--card); border:1px solid var(--rule); border-radius:10px; padding:16px 18px; min-width:0; }
.big { font-size:2.5rem; font-weight:650; line-height:1.1; letter-spacing:-.02em; }
.big small { font-size:.95rem; font-weight:400; color:var(--soft); letter-spacing:0; white-space:nowrap; }
.beside { display:grid; grid-template-columns:minmax(90px,max-content) 1fr 3.2em; gap:2px 10px; align-items:center;
  margin-top:.75rem; font-size:.875rem; }
.beside span { overflow-wrap:anywhere; } .beside .number { text-align:right; }
.legend { display:flex; flex-wrap:wrap; gap:4px 16px; margin:.4rem 0 .75rem; }
.legend i { display:inline-block; width:14px; height:4px; border-radius:2px; margin-right:6px; vertical-align:middle;
  background:currentColor; }
.rows { background:var(--card); border:1px solid var(--rule); border-radius:10px; overflow:hidden; margin:.75rem 0; }
.rows details + details, .rows .head + details { border-top:1px solid var(--rule); }
.grid-row { display:grid; grid-template-columns:minmax(0,2fr) minmax(0,1.8fr) 8.6em 11.5em 4.2em; gap:14px; align-items:center;
  padding:5px 16px 5px 12px; }
.head { color:var(--soft); font-size:.8rem; padding-left:32px; }
summary { cursor:pointer; list-style:none; } summary::-webkit-details-marker { display:none; }
summary:hover { background:var(--track); }
summary:focus-visible { outline:2px solid var(--c0); outline-offset:-2px; }
summary .what { overflow-wrap:anywhere; padding-left:20px; position:relative; }
summary .what::before { content:""; position:absolute; left:4px; top:.52em; border:4px solid transparent;
  border-left:6px solid var(--soft);
  transform-origin:3px 4px; }
details[open] > summary .what::before { transform:rotate(90deg); }
.right { text-align:right; } .family > summary .what { font-weight:600; }
.family > .inner { border-top:1px solid var(--rule); } .family .inner .what { margin-left:14px; }
.more { padding:6px 16px 16px 32px; font-size:.9rem; }
.interval { color:var(--soft); font-size:.85em; white-space:nowrap; }
/* what is wide scrolls inside its own frame */
.wide { overflow-x:auto; } table { border-collapse:collapse; margin-top:.5rem; }
th { text-align:left; font-weight:500; color:var(--soft); }
th { white-space:nowrap; } td, th { padding:2px 16px 2px 0; vertical-align:baseline; } td.right, th.right { text-align:right; }
svg { display:block; width:100%; height:auto; overflow:visible; } svg.gain { height:24px; overflow:hidden; }
svg.free { overflow:visible; }
svg text { fill:var(--soft); font-size:11.5px; } .middle { text-anchor:middle; } .end { text-anchor:end; }
.grid { stroke:var(--rule); } .guide { stroke:var(--soft); stroke-dasharray:3 4; fill:none; }
.chance { stroke:var(--soft); stroke-dasharray:2 3; }
.whisker { stroke:var(--ink); stroke-width:1.4; } .tick { stroke-width:3; stroke:currentColor; }
.line { fill:none; stroke:currentColor; stroke-width:2.2; stroke-linejoin:round; } .thin { stroke-width:1.5; }
.dot { fill:currentColor; } .see { fill-opacity:.45; stroke:currentColor; } .band { fill:currentColor; opacity:.14; }
.bar { fill:currentColor; opacity:.85; rx:2px; } .bar.below { color:var(--below); }
.c0{color:var(--c0)} .c1{color:var(--c1)} .c2{color:var(--c2)} .c3{color:var(--c3)} .c4{color:var(--c4)} .c5{color:var(--c5)}
.small { display:grid; grid-template-columns:repeat(auto-fill,minmax(165px,1fr)); gap:14px; margin:1rem 0; }
.small .card { padding:10px 12px; } .small h3 { font-size:.82rem; font-weight:500; }
.mistake { margin:10px 0; padding:0; } .mistake > summary { padding:10px 14px; display:flex; flex-wrap:wrap; gap:2px 14px; }
.mistake .what { flex:1 1 260px; } .mistake .more { padding-top:0; }
.text { white-space:pre-wrap; overflow-wrap:anywhere; background:var(--track); border-radius:8px; padding:10px 12px;
  margin:4px 0 12px; font:.84rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace; max-height:24em; overflow:auto; }
.two { display:grid; grid-template-columns:repeat(auto-fit,minmax(min(100%,300px),1fr)); gap:0 14px; }
dl { display:grid; grid-template-columns:max-content 1fr; gap:2px 18px; font-size:.9rem; }
dt { color:var(--soft); } dd { margin:0; overflow-wrap:anywhere; }
.board-row { display:grid; grid-template-columns:2.2rem minmax(0,1.6fr) minmax(0,2fr) 11rem minmax(0,.9fr) 3.4rem; gap:14px;
  align-items:center; padding:5px 16px; }
.rows .board-row + .board-row { border-top:1px solid var(--rule); } .rows .board-row.fresh { border-top:2px solid var(--soft); }
.board-row.head { padding-left:16px; } .board-row .what { overflow-wrap:anywhere; } .board-row small { white-space:nowrap; }
.places { display:grid; grid-template-columns:1fr 3em; gap:8px; align-items:center; color:var(--soft); }
svg.axis { height:16px; } .reach { stroke:currentColor; stroke-width:3; stroke-linecap:round; opacity:.55; }
.span { fill:currentColor; opacity:.28; rx:3px; } .guide.whole { stroke-dasharray:none; stroke-width:2; opacity:.6; }
.matrix { margin:0; border-collapse:separate; border-spacing:2px; font-size:.85rem; }
.matrix td, .matrix th { padding:4px 8px; border-radius:4px; } .matrix .self { background:var(--track); }
.matrix .stay { position:sticky; left:0; background:var(--card); color:var(--ink); max-width:42vw; overflow:hidden;
  text-overflow:ellipsis; }
.fit { width:fit-content; max-width:100%; } .sure { font-weight:650; }
.for1, .against1 { --mix:12%; } .for2, .against2 { --mix:24%; } .for3, .against3 { --mix:36%; } .for4, .against4 { --mix:48%; }
.for1, .for2, .for3, .for4 { background:color-mix(in srgb, var(--c0) var(--mix), var(--card)); }
.against1, .against2, .against3, .against4 { background:color-mix(in srgb, var(--c1) var(--mix), var(--card)); }
.pair { display:grid; grid-template-columns:repeat(2,minmax(0,190px)); gap:8px; } .pair p { margin:0; font-size:.8rem; }
.figure { display:grid; grid-template-columns:minmax(0,1.4fr) minmax(0,2fr) 13rem; gap:14px; align-items:center;
  padding:5px 16px; }
.rows .figure + .figure { border-top:1px solid var(--rule); } .figure .what { overflow-wrap:anywhere; }
@media (max-width:760px) {
  .board-row { grid-template-columns:1.6em minmax(0,1fr) auto; gap:0 8px; padding:8px 12px; }
  .board-row.head, .figure.head { display:none; }
  .board-row .bar-place, .board-row .places { grid-column:2 / -1; grid-row:2; }
  .board-row .places { grid-row:3; } .board-row .extra { display:none; }
  .figure { grid-template-columns:minmax(0,1fr) auto; gap:0 10px; padding:8px 12px; }
  .figure .bar-place { grid-column:1 / -1; grid-row:2; }
  main { padding:24px 16px 48px; } h1 { font-size:1.5rem; } .head { display:none; }
  .grid-row { grid-template-columns:minmax(0,1fr) auto; gap:0 10px; padding:8px 12px 8px 8px; }
  .grid-row .bar-place { grid-column:1 / -1; grid-row:2; padding-left:20px; } .grid-row .extra { display:none; }
  .grid-row .what { font-size:.95rem; } .grid-row .interval { display:block; }
  .mistake .note { padding-left:20px; } .more { padding:4px 12px 14px 28px; }
  .small { grid-template-columns:repeat(2,minmax(0,1fr)); gap:10px; }
  td, th { padding-right:10px; } .interval { font-size:.8em; }
}
@media print { .rows, .card { break-inside:avoid; } }
"""
