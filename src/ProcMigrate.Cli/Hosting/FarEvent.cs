using System.Collections;
using System.Text.Json.Serialization.Metadata;
using ProcMigrate.Cli.Output;
using ProcMigrate.Engine.Contracts;
using ProcMigrate.Remote;
using ProcMigrate.Remote.Ssh;

namespace ProcMigrate.Cli.Hosting;

/// <summary>An event line that another host sent. It may be anything, and passes for an event only if it is one in every member.</summary>
internal static class FarEvent
{
    private const int MaxShown = 300;

    /// <summary>Null where it is no whole event.</summary>
    public static CliEvent? TryRead(string line) => EventLine.TryRead(line) is { } read && HasNoGaps(read, read.GetType()) ? read : null;

    /// <summary>The error of a line that has to be one.</summary>
    public static Exception Error(string line, string host) => TryRead(line) is ErrorEvent error
        ? Error(error, host)
        : Wrong(host, "with something that is no error", line);

    /// <summary>An error is one, whatever exit code the host gives it.</summary>
    public static FarSideException Error(ErrorEvent error, string host) => new(error with
    {
        Host = error.Host ?? host,
        ExitCode = error.ExitCode is > 0 and <= 255 ? error.ExitCode : (int)FailureClass.Failed,
    });

    public static RemoteException Wrong(string host, string how, string line)
    {
        string shown = FarText.Clean(line);
        return new(RemoteFailure.ProtocolError, host, $"{host} answered {how}: {(shown.Length > MaxShown ? shown[..MaxShown] + " …" : shown)}");
    }

    /// <summary>The parser leaves null where a member is missing, and in lists, whatever the type says of null.</summary>
    private static bool HasNoGaps(object value, Type declared)
    {
        var type = EventLine.Format.Options.GetTypeInfo(declared);
        switch (type.Kind)
        {
            case JsonTypeInfoKind.Object:
                return type.Properties.All(
                    member => member.Get?.Invoke(value) is { } found ? HasNoGaps(found, member.PropertyType) : member.IsGetNullable);
            case JsonTypeInfoKind.Enumerable:
                return ((IEnumerable)value).Cast<object?>().All(element => element is not null && HasNoGaps(element, type.ElementType!));
            case JsonTypeInfoKind.Dictionary when value is IDictionary entries:
                return entries.Values.Cast<object?>().All(element => element is not null && HasNoGaps(element, type.ElementType!));
            default:
                return true;
        }
    }
}
