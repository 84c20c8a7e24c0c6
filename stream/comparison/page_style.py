"""The style sheet of the page of a comparison."""

__all__ = ["STYLE"]

STYLE = """
:root{--ink:#1d2733;--faint:#5d6878;--line:#e4e7ec;--up:11,110,79;--down:200,85,61}
*{box-sizing:border-box}
body{margin:0;background:#f5f6f8;color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",
Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1120px;margin:0 auto;padding:24px 16px 48px}
header,section{background:#fff;border:1px solid var(--line);border-radius:12px;padding:20px 24px;
margin:0 0 16px;min-width:0}
.kicker{margin:0;color:var(--faint);font-weight:600}
h1{font-size:30px;line-height:1.2;margin:4px 0 12px;overflow-wrap:anywhere}
h2{font-size:19px;margin:0 0 8px;overflow-wrap:anywhere}
h3{font-size:16px;margin:0 0 6px;overflow-wrap:anywhere}
p{margin:0 0 10px;overflow-wrap:anywhere}
.answer{font-size:17px}
.faint,small,.corner{color:var(--faint)}
.faint{font-size:14px}
.swatch{display:inline-block;width:12px;height:12px;border-radius:3px;margin-right:8px}
.grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:16px;
align-items:stretch}
.grid section{margin-bottom:0}
.grid{margin-bottom:16px}
section .grid{margin-bottom:0;gap:24px}
svg{width:100%;height:auto;display:block;margin:4px 0 12px}
.pair{margin:0 0 12px}
.pair .name{font-weight:600;margin-bottom:2px;overflow-wrap:anywhere}
.bar{display:flex;align-items:center;gap:8px;height:22px}
.bar i{height:16px;border-radius:3px;min-width:2px;flex:none;
width:calc((100% - 72px)*var(--share))}
.bar b{font-weight:500;font-size:14px;white-space:nowrap;flex:none;
font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th,td{padding:6px 8px;text-align:right;border-bottom:1px solid var(--line);vertical-align:top}
th[scope=row],th:first-child{text-align:left}
thead th{color:var(--faint);font-weight:500}
th[scope=row]{font-weight:500}
.scroll+.faint{margin:8px 0 0}
td small,th small{display:block;white-space:nowrap;font-weight:400}
.pairof{white-space:nowrap}
.scroll+h3,.grid+h3{margin-top:16px}
.matrix td{text-align:center;font-size:18px;padding:12px 6px;border:2px solid #fff}
.matrix thead th{text-align:center}
.matrix .corner{text-align:left;font-size:12px}
.matrix .same{background:rgba(93,104,120,calc(var(--tint)*.4))}
.matrix .up{background:rgba(var(--up),var(--tint))}
.matrix .down{background:rgba(var(--down),var(--tint))}
.better{color:rgb(var(--up));font-weight:600}
.worse{color:#a63d27;font-weight:600}
.no{color:var(--faint)}
.movers{list-style:none;margin:0;padding:0;display:grid;gap:12px 32px;
grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr))}
.movers li{border-top:1px solid var(--line);padding-top:12px}
.movers h3 span{float:right;margin-left:12px}
th small.meaning{white-space:normal;min-width:150px}
@media (max-width:520px){main{padding:12px 8px 32px}header,section{padding:16px}h1{font-size:24px}
.matrix td{font-size:16px;padding:10px 2px}th,td{padding:6px 3px}table{font-size:13px}
.pairof,th small{white-space:normal}}
@media print{body{background:#fff}section,header{break-inside:avoid}}
"""
