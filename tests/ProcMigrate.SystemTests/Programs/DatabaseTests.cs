using System.Globalization;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Programs;

/// <summary>PostgreSQL, as the user postgres: several processes, System V and POSIX shared memory, semaphores in it, a socket.</summary>
public sealed class DatabaseTests : ProgramTest
{
    private const string Binaries = "/usr/lib/postgresql/15/bin";
    private static readonly string[] AsPostgres = ["/usr/bin/setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "/usr/bin/env", "LC_ALL=C"];

    [Theory]
    [InlineData("posix")]
    [InlineData("sysv")]
    public void Postgres_WithATable_KeepsItAndItsSessionsWork(string sharedMemory)
    {
        MakeDatabase(sharedMemory);
        using ProgramUnderTest server = Run([.. AsPostgres, $"{Binaries}/postgres", "-D", Data]);
        AwaitReady(server);
        Sql("create table t as select g as n, md5(g::text) as h from generate_series(1, 100000) g; create index on t (n)");
        // The writer and the statistics of sessions that were, still in shared memory only.
        Sql("update t set n = n + 1");
        SaveAndRestoreTree(server);
        Assert.Equal("100000|5000150000", Sql("select count(*), sum(n) from t where h = md5((n - 1)::text)"));
        Assert.Equal("5000", Sql("update t set n = 0 where n <= 5001; select count(*) from t where n = 0").Split('\n')[^1]);
        // The auxiliary processes answer: a checkpoint is the checkpointer's, vacuum wakes the launcher's, statistics the shared memory's.
        Sql("checkpoint");
        Sql("vacuum analyze t");
        Assert.Equal("t", Sql("select reltuples = 100000 from pg_class where relname = 't'"));
        Assert.Equal("", Sql("select name from pg_settings where name = 'shared_memory_type' and setting <> "
            + (sharedMemory == "posix" ? "'mmap'" : "'sysv'")));
        // A fast shutdown writes all down; the next server finds a clean house.
        server.Signal(Native.SIGINT);
        Assert.Equal(0, server.AwaitExit());
        Assert.Contains("database system is shut down", server.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("PANIC", server.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("was terminated by signal", server.Log, StringComparison.Ordinal);
        Assert.Contains("shut down", Tool.Run($"{Binaries}/pg_controldata", Data).Output, StringComparison.Ordinal);
    }

    /// <summary>Clients in the tree as well, each in the middle of its transactions: not one is lost, done twice, or seen as an error.</summary>
    [Fact]
    public void Postgres_UnderTransactions_LosesNone()
    {
        const int clients = 4, transactions = 1500;
        MakeDatabase("posix");
        string script = Folder["work.sh"];
        File.WriteAllText(script, $$"""
            {{Binaries}}/postgres -D {{Data}} &
            until {{Binaries}}/pg_isready -q -h {{Folder.Path}}; do sleep 0.1; done
            {{Binaries}}/pgbench -q -i -s 2 -h {{Folder.Path}} -U tester postgres
            {{Binaries}}/pgbench -n -c {{clients}} -t {{transactions}} -h {{Folder.Path}} -U tester postgres
            echo "pgbench ended with $?"
            wait
            """);
        using ProgramUnderTest tree = Run([.. AsPostgres, "/bin/sh", script]);
        for (int round = 1; round <= 3; round++)
        {
            int seen = Math.Max(Transactions(), 0);
            Wait.Until(() => Transactions() >= seen + 50 || !tree.IsAlive, () => "no transactions: " + tree.Log);
            tree.SaveAndRestoreChanging(Folder[$"{round}.pmi"]);
        }
        Assert.True(Transactions() < clients * transactions, "pgbench came to its end before the last save");
        Wait.Until(() => tree.Log.Contains("pgbench ended with", StringComparison.Ordinal) || !tree.IsAlive, () => tree.Log);
        Assert.Contains("pgbench ended with 0", tree.Log, StringComparison.Ordinal);
        Assert.Contains($"number of transactions actually processed: {clients * transactions}/{clients * transactions}", tree.Log, StringComparison.Ordinal);
        Assert.Equal($"{clients * transactions}", Sql("select count(*) from pgbench_history"));
        Assert.Equal("t", Sql("""
            select (select sum(delta) from pgbench_history) = all (values ((select sum(abalance) from pgbench_accounts)),
                ((select sum(bbalance) from pgbench_branches)), ((select sum(tbalance) from pgbench_tellers)))
            """));
        int server = int.Parse(File.ReadLines(Path.Combine(Data, "postmaster.pid")).First(), CultureInfo.InvariantCulture);
        Assert.Equal(0, Native.Kill(server, Native.SIGINT));
        Assert.Equal(0, tree.AwaitExit());
    }

    private string Data => Folder["data"];

    private void MakeDatabase(string sharedMemory)
    {
        OnlyNightly();
        Need($"{Binaries}/postgres");
        Directory.CreateDirectory(Data);
        Do("/bin/chown", "postgres:postgres", Folder.Path, Data);
        Do([.. AsPostgres, $"{Binaries}/initdb", "-D", Data, "-A", "trust", "-U", "tester", "--no-sync"]);
        File.AppendAllText(Path.Combine(Data, "postgresql.conf"), $"""
            listen_addresses = ''
            unix_socket_directories = '{Folder.Path}'
            shared_memory_type = {(sharedMemory == "posix" ? "mmap" : "sysv")}
            dynamic_shared_memory_type = {sharedMemory}
            min_dynamic_shared_memory = 1MB
            fsync = off

            """);
    }

    private void AwaitReady(ProgramUnderTest server)
    {
        Wait.Until(() => !server.IsAlive || Tool.Run($"{Binaries}/pg_isready", "-h", Folder.Path).ExitCode == 0, () => server.Log);
        Assert.True(server.IsAlive, server.Log);
    }

    private int Transactions() =>
        Query("select count(*) from pgbench_history") is { ExitCode: 0 } result ? int.Parse(result.Output, CultureInfo.InvariantCulture) : -1;

    /// <summary>The rows, columns parted by |.</summary>
    private string Sql(string text)
    {
        Tool.Result result = Query(text);
        Assert.True(result.ExitCode == 0, $"{text}: {result.Error}");
        return result.Output.TrimEnd('\n');
    }

    private Tool.Result Query(string text) =>
        Tool.Run($"{Binaries}/psql", "-h", Folder.Path, "-U", "tester", "-d", "postgres", "-qAt", "-v", "ON_ERROR_STOP=1", "-c", text);

    private static void Do(params string[] command)
    {
        Tool.Result result = Tool.Run(command[0], command[1..]);
        Assert.True(result.ExitCode == 0, $"{string.Join(' ', command)}: {result.Output}{result.Error}");
    }
}
