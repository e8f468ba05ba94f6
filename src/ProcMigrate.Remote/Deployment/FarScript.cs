using ProcMigrate.Remote.Ssh;

namespace ProcMigrate.Remote.Deployment;

/// <summary>
/// What the far shell does. sshd hands a command line to the user's login shell, which may be fish or csh, each with quoting
/// rules of its own. So the command line is a constant that all of them understand the same way: a POSIX shell that reads one
/// line and runs it. The line itself, with every name in it, comes over standard input. <c>read</c> takes byte by byte, so what
/// follows the line belongs to the program.
/// </summary>
internal sealed class FarScript
{
    /// <summary>The constant command line.</summary>
    public const string CommandLine = "exec /bin/sh -c 'IFS= read -r line; eval \"$line\"'";

    private readonly string prelude;
    private readonly string nonce;

    public FarScript(LocalExecutable executable, string nonce)
    {
        this.nonce = nonce;
        Marker = $"procmigrate {nonce} ";
        string length = PosixShell.Number(executable.Bytes.Length);
        prelude =
            "umask 077; " +
            // Lines of ours begin on a new line, whatever was printed before.
            $"say() {{ printf '\\n{Marker}%s\\n' \"$*\"; }}; " +
            $"d=${{XDG_CACHE_HOME:-$HOME/.cache}}/procmigrate/{executable.Sha256}; f=$d/procmigrate; " +
            // Where others can write, it may be another program by the time it runs; where the sticky bit is set, they cannot exchange a
            // folder of ours. ls shows mode and owner, with -n as a number.
            "owned() { set -- $(ls -ldn \"$1\" 2>/dev/null); m=$1; [ \"$3\" = \"$(id -u)\" ]; }; " +
            "ours() { owned \"$d\" && case $m in d????-??-?*) ;; *) false;; esac && " +
            "owned \"${d%/*}\" && case $m in d????-??-?*|d????????[tT]*) ;; *) false;; esac; }; " +
            "intact() { if command -v sha256sum >/dev/null 2>&1; then " +
            $"set -- $(sha256sum <\"$1\"); [ \"$1\" = {executable.Sha256} ]; else " +
            $"set -- $(cksum <\"$1\"); [ \"$1 $2\" = '{PosixShell.Number(executable.Cksum)} {length}' ]; fi; }}; ";
    }

    /// <summary>What our lines begin with. The random part tells them from what the user's start-up files print.</summary>
    public string Marker { get; }

    /// <summary>The line on stderr by which the executable tells that it is at work.</summary>
    public string Beat => RemoteHeartbeat.LineOf(Marker);

    /// <summary>Becomes the receiving end of a transfer, if the executable is there.</summary>
    public string Receive() => IfThere($"say ready; {Heartbeat()} exec \"$f\" receive");

    /// <summary>Runs a verb, if the executable is there; its exit code comes in a line of ours, since ssh's own could be either's.</summary>
    public string Verb(IEnumerable<string> arguments) =>
        IfThere($"{PosixShell.SetParameters(arguments)}say ready; {Heartbeat()} {RemoteLifeline.Variable}=stdin \"$f\" \"$@\"; say exit $?");

    /// <summary>
    /// Takes the executable from standard input. A connection that breaks ends the input early, so the checksum differs; the
    /// trap takes the temporary file away.
    /// </summary>
    public string Upload() => prelude +
        "fail() { say failed \"$1\"; exit 1; }; export LC_ALL=C; " +
        "mkdir -p \"$d\" && chmod 700 \"$d\" || fail folder \"$d\"; ours || fail owner; " +
        // set -C: a file that is there, or a link, is not written to.
        $"set -C; t=$d/.upload.{nonce}; trap 'rm -f \"$t\"' EXIT; trap 'exit 1' HUP INT TERM PIPE; " +
        "say ready; cat >\"$t\" || fail write; " +
        "intact \"$t\" || fail checksum; chmod 700 \"$t\" || fail write; " +
        // sync FILE is younger than sync.
        "sync \"$t\" 2>/dev/null || sync; mv -f \"$t\" \"$f\" || fail write; " +
        "\"$f\" --version >/dev/null || fail run; say stored";

    private string Heartbeat() =>
        $"{RemoteHeartbeat.Variable}='{PosixShell.Number((long)HostPatience.Beat.TotalMilliseconds)} {Marker.TrimEnd()}'";

    private string IfThere(string action) =>
        $"{prelude}if ours && [ -x \"$f\" ] && intact \"$f\"; then {action}; else say absent \"$(uname -s)\" \"$(uname -m)\" \"$d\"; fi";
}
