/** Style of the report: light and dark by the reader's setting, A4 in print; no font, picture or script from outside. */
export const REPORT_STYLE = `
:root{color-scheme:light dark;--ground:#fff;--panel:#f4f6f8;--ink:#1a2027;--quiet:#4a5561;--line:#cfd6dd;--link:#0b57a4;
--ok:#0f6b35;--review:#8a4b00;--reject:#a8121f;--demo-ground:#a8121f;--demo-ink:#fff}
@media (prefers-color-scheme:dark){:root{--ground:#14181d;--panel:#1e242b;--ink:#e8edf2;--quiet:#aab5c0;--line:#3a444e;
--link:#7db8f5;--ok:#6fd398;--review:#f3b45f;--reject:#ff8d8d}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
header,main,footer{max-width:70rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:1.5rem}
h1{font-size:1.7rem;line-height:1.2;margin:0;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:2.2rem 0 .6rem;padding-bottom:.25rem;border-bottom:2px solid var(--line)}
h3{font-size:1rem;margin:1.2rem 0 .3rem}
p{margin:.4rem 0;max-width:48rem}
a{color:var(--link)}
.skip{position:absolute;left:-100rem}
.skip:focus{position:static}
.quiet,figcaption,.why{color:var(--quiet)}
.why{font-size:.85em}
.demo{background:var(--demo-ground);color:var(--demo-ink);font-weight:600;padding:.8rem 1rem;margin:0 0 1rem;border-radius:.4rem;max-width:none}
.demo strong{font-size:1.25rem;letter-spacing:.06em}
.verdict{border-left:.5rem solid var(--v);background:var(--panel);padding:.7rem 1rem;margin:1rem 0;border-radius:0 .4rem .4rem 0}
.verdict strong{color:var(--v);font-size:1.15rem;text-transform:uppercase;letter-spacing:.05em}
.ok{--v:var(--ok)}.review{--v:var(--review)}.reject{--v:var(--reject)}
.glance{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.75rem;margin:1rem 0}
@media (min-width:52rem){.glance{grid-template-columns:repeat(4,1fr)}}
.glance div{background:var(--panel);padding:.7rem .9rem;border-radius:.4rem}
.glance dt{color:var(--quiet);font-size:.9rem}
.glance dd{margin:0}
.glance .value{font-size:1.5rem;font-weight:650;font-variant-numeric:tabular-nums;line-height:1.3}
.glance .value small{font-size:.9rem;font-weight:400}
.pictures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,21rem),1fr));gap:1rem;align-items:start}
figure{margin:0;background:var(--panel);border-radius:.4rem;overflow:hidden}
figure img{display:block;width:100%;height:auto;background:#000}
figcaption{padding:.5rem .8rem .6rem;font-size:.9rem}
figcaption b{color:var(--ink)}
.key{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;padding:0;margin:.2rem 0 .8rem;list-style:none}
.key span{display:inline-block;width:.9em;height:.9em;border-radius:.2em;margin-right:.4em;vertical-align:-.08em;border:1px solid var(--quiet)}
.wide{overflow-x:auto;margin:.5rem 0 1rem}
.wide:focus-visible,a:focus-visible{outline:3px solid var(--link);outline-offset:2px}
table{border-collapse:collapse;width:100%;font-size:.93rem}
caption{text-align:left;color:var(--quiet);padding-bottom:.3rem}
th,td{padding:.35rem .7rem .35rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
thead th{border-bottom:2px solid var(--line);font-weight:600}
tbody th{font-weight:500}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
thead .n{white-space:normal}
.wide table{min-width:34rem}
code{font:.85em ui-monospace,"Cascadia Mono",Menlo,Consolas,monospace;overflow-wrap:anywhere}
ul{padding-left:1.2rem;max-width:48rem}
footer{margin-top:2.5rem;padding-top:1rem;padding-bottom:2rem;border-top:2px solid var(--line)}
@page{size:A4;margin:14mm 13mm}
@media print{:root{color-scheme:light;--ground:#fff;--panel:#f4f6f8;--ink:#000;--quiet:#333;--line:#aaa;--link:#000;--ok:#0f6b35;--review:#8a4b00;--reject:#a8121f}
body{font-size:10pt;-webkit-print-color-adjust:exact;print-color-adjust:exact}
header,main,footer{max-width:none;padding-left:0;padding-right:0}
header{padding-top:0}
h2{margin-top:1.1rem;break-after:avoid}
.pictures{grid-template-columns:1fr 1fr;gap:4mm}
.glance{grid-template-columns:repeat(4,1fr)}
.skip{display:none}
section[aria-labelledby=pictures]{break-before:page}
th,td{padding-top:.1rem;padding-bottom:.1rem;padding-right:.5rem}
.wide{overflow:visible}
.wide table{min-width:0}
figure,tr,.verdict,.glance div{break-inside:avoid}
thead{display:table-header-group}}
`;
