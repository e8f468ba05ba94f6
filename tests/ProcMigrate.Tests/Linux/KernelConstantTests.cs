using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using ProcMigrate.Engine.Contracts;
using ProcMigrate.Linux;

namespace ProcMigrate.Tests.Linux;

/// <summary>
/// Numbers of the kernel are what its headers say. In the sources of the engine, every constant spelled as the kernel spells its
/// own, and every number with such a name in a comment behind it, is compiled into a C program together with the header's.
/// </summary>
public partial class KernelConstantTests
{
    private const string Report = """
        #include <stdio.h>
        #define unchecked(x) (x)
        typedef unsigned long ulong;
        typedef unsigned int uint;
        typedef unsigned short ushort;
        typedef long nint;
        static void check(const char *where, unsigned long long ours, unsigned long long theirs)
        {
            if (ours != theirs)
                printf("%s is 0x%llx here and 0x%llx in the headers\n", where, ours, theirs);
        }

        """;

    private const string Hint =
        "A name that the headers do not know: is it newer than they are (then it belongs into KernelConstants.Newer), a combination "
        + "(Composed), none of the kernel's (Ours), or in a header that is missing in Headers?";

    [Fact]
    public void EveryConstantUnderAKernelName_HasTheHeadersValue()
    {
        List<Constant> constants = Constants();
        Assert.True(constants.Count > 150, "the search in the sources finds next to nothing: has their style changed?");
        var c = new StringBuilder("#define _GNU_SOURCE\n");
        foreach (string header in KernelConstants.Headers)
            c.Append($"#include <{header}>\n");
        AppendNewer(c);
        c.Append(Report).Append("int main(void) {\n");
        foreach (Constant k in constants)
        {
            string theirs = KernelConstants.Composed.GetValueOrDefault(k.Name, k.Name);
            // The line numbers of gcc's errors become those of our sources.
            c.Append($"#line {k.Line} \"{k.Path}\"\n    check(\"{k.Path}:{k.Line}: {k.Name}\", ({k.Value}), ({theirs}));\n");
        }
        Assert.Empty(CProgram.RunWithHint(Hint, c.Append("    return 0;\n}\n").ToString()));
    }

    [Fact]
    public void EveryMemberOfAKernelEnum_HasTheHeadersValue()
    {
        Dictionary<string, Type> enums = KernelEnums().ToDictionary(t => t.Name);
        Assert.Equal(KernelConstants.Enums.Select(e => e.Name), enums.Keys.Order(StringComparer.Ordinal));
        foreach (KernelEnum known in KernelConstants.Enums)
        {
            var c = new StringBuilder();
            foreach (string header in known.Headers.Split(' '))
                c.Append($"#include <{header}>\n");
            AppendNewer(c);
            c.Append(Report).Append("int main(void) {\n");
            Type type = enums[known.Name];
            foreach (string member in Enum.GetNames(type))
            {
                object value = Convert.ChangeType(Enum.Parse(type, member), Enum.GetUnderlyingType(type), CultureInfo.InvariantCulture);
                c.Append($"    check(\"{known.Name}.{member}\", {value}, {known.CName(member)});\n");
            }
            Assert.Empty(CProgram.RunWithHint(Hint, c.Append("    return 0;\n}\n").ToString()));
        }
    }

    /// <summary>Those of ProcMigrate.Linux, which has no others, and those of the engine whose members bear kernel names.</summary>
    private static IEnumerable<Type> KernelEnums() =>
        typeof(RawSyscall).Assembly.GetTypes().Where(t => t.IsEnum && !KernelConstants.OurEnums.Contains(t.Name))
            .Concat(typeof(ProcessImages).Assembly.GetTypes().Where(t => t.IsEnum && Enum.GetNames(t).All(n => KernelName().IsMatch(n))));

    private static void AppendNewer(StringBuilder c)
    {
        foreach ((string name, string value) in KernelConstants.Newer)
            c.Append($"#ifndef {name}\n#define {name} {value}\n#endif\n");
    }

    private static List<Constant> Constants()
    {
        var found = new List<Constant>();
        foreach ((string path, string text) in Sources.Of("ProcMigrate.Linux", "ProcMigrate.Engine"))
        {
            foreach (Match declaration in Declaration().Matches(text))
            {
                foreach (Match one in NameAndValue().Matches(declaration.Groups["list"].Value))
                    Add(declaration.Groups["list"].Index + one.Index, one.Groups["name"].Value, one.Groups["value"].Value);
            }
            foreach (Match comment in NumberAndComment().Matches(text))
                Add(comment.Index, comment.Groups["name"].Value, comment.Groups["value"].Value);

            void Add(int index, string name, string value)
            {
                if (!KernelName().IsMatch(name) || KernelConstants.Ours.Contains(name))
                    return;
                found.Add(new Constant(path, 1 + text.AsSpan(0, index).Count('\n'), name, DigitSeparator().Replace(value, "")));
            }
        }
        return found;
    }

    private sealed record Constant(string Path, int Line, string Name, string Value);

    [GeneratedRegex(@"^_{0,2}[A-Z][A-Z0-9_]{2,}$")]
    private static partial Regex KernelName();

    /// <summary>"const int A = 1, B = 2;" and "static readonly nint A = …;".</summary>
    [GeneratedRegex(@"\b(?:const|static readonly) \w+ (?<list>\w+ = [^;{}""]+);")]
    private static partial Regex Declaration();

    [GeneratedRegex(@"(?<name>\w+) = (?<value>[^,;]+)")]
    private static partial Regex NameAndValue();

    [GeneratedRegex(@"\b(?<value>0x[0-9a-fA-F_]+|\d+) /\* (?<name>[A-Z][A-Z0-9_]+) \*/")]
    private static partial Regex NumberAndComment();

    [GeneratedRegex(@"(?<=\b[0-9][0-9a-fA-Fx_]*)_(?=[0-9a-fA-F])")]
    private static partial Regex DigitSeparator();
}
