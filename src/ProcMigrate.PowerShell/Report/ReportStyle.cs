namespace ProcMigrate.PowerShell.Report;

/// <summary>How the report looks: one style sheet, in the page itself, for light and dark screens and for paper.</summary>
internal static class ReportStyle
{
    public const string Sheet =
        """
        :root { color-scheme: light dark; --ink: #1c2024; --soft: #60646c; --line: #d9dce1; --ground: #fff; --panel: #f6f7f9; --bad: #b42318; --good: #2a7e3b; }
        @media (prefers-color-scheme: dark) {
          :root { --ink: #e6e8eb; --soft: #9ba1a6; --line: #34393f; --ground: #16181a; --panel: #1f2225; --bad: #ff8a7a; --good: #6fcf84; } }
        * { box-sizing: border-box; }
        body { margin: 0 auto; max-width: 1180px; padding: 28px 24px 64px; background: var(--ground); color: var(--ink);
          font: 14px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
        h1 { font-size: 24px; margin: 0; } h2 { font-size: 18px; margin: 36px 0 10px; } h3 { font-size: 14px; margin: 22px 0 6px; }
        h1 small, h2 small { color: var(--soft); font-weight: 400; font-size: 14px; } h3 small { font-weight: 400; }
        .facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)); gap: 10px; margin: 18px 0 0; }
        .facts div { background: var(--panel); border-radius: 8px; padding: 9px 13px; overflow-wrap: anywhere; }
        .facts b { display: block; color: var(--soft); font-weight: 400; font-size: 12px; }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; width: 100%; }
        th, td { text-align: left; padding: 4px 12px 4px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
        th { color: var(--soft); font-weight: 400; font-size: 12px; }
        td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
        code, td.m { font: 12px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: break-word; }
        svg { display: block; width: 100%; height: auto; } svg text.address { font: 11px ui-monospace, monospace; text-anchor: end; fill: var(--soft); }
        .pale { fill-opacity: .3; }
        .anonymous { --c: #4269d0; } .heap { --c: #efb118; } .stack { --c: #ff725c; } .private-file { --c: #6cc5b0; }
        .shared-file { --c: #3ca951; } .shared-memory { --c: #a463f2; } .reserved { --c: #9aa0a6; } .kernel { --c: #9c6b4e; }
        g, .bar i, .key i { fill: var(--c); background: var(--c); }
        .key { display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 8px 0 12px; color: var(--soft); font-size: 12px; }
        .key i { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 6px; vertical-align: -1px; }
        .bar { display: flex; height: 14px; min-width: 120px; background: var(--panel); border-radius: 4px; overflow: hidden; }
        .bar i { display: block; }
        .tree td, .timings td { vertical-align: middle; } .tree td:first-child { white-space: nowrap; }
        details { margin: 6px 0; } summary { cursor: pointer; font-weight: 600; }
        .note { color: var(--soft); } .good { color: var(--good); } .bad { color: var(--bad); }
        @media print { body { max-width: none; } details { break-inside: avoid; } }
        """;

    public static readonly string[] Sorts =
        ["anonymous", "heap", "stack", "private file", "shared file", "shared memory", "reserved", "kernel"];

    public static string ClassOf(string sort) => sort.Replace(' ', '-');
}
