using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using ProcMigrate.Engine.Contracts;
using ProcMigrate.Linux;

namespace ProcMigrate.Tests.Linux;

/// <summary>Every struct that goes to or comes from the kernel has the size and offsets that the C headers give it.</summary>
public class KernelStructTests
{
    private static readonly Assembly[] Assemblies = [typeof(RawSyscall).Assembly, typeof(ProcessImages).Assembly];

    [Fact]
    public void EveryInteropStruct_HasACounterpart_AndEveryCounterpartAStruct()
    {
        string[] known = [.. KernelStructs.Known.Select(k => k.Name), .. KernelStructs.Ours];
        string[] found = [.. InteropStructs().Select(t => t.Name).Distinct()];
        foreach (string fresh in found.Except(known))
            Assert.Fail($"add the C counterpart of {fresh} to KernelStructs");
        foreach (string stale in known.Except(found))
            Assert.Fail($"{stale} of KernelStructs is no struct any more");
        Assert.Equal(known.Length, known.Distinct().Count());
    }

    [Fact]
    public void SizesOffsetsAndFieldSizes_AreThoseOfTheHeaders()
    {
        Dictionary<string, Type[]> structs = InteropStructs().GroupBy(t => t.Name).ToDictionary(g => g.Key, g => g.ToArray());
        KernelStruct[] known = [.. KernelStructs.Known.Where(k => structs.ContainsKey(k.Name))];
        string[] ours = [.. known.SelectMany(k => structs[k.Name]).SelectMany(Describe)];
        string[] theirs = CProgram.Run([Caller(known), .. Units(known, structs)]);
        Assert.Equal(ours.Order(StringComparer.Ordinal), theirs.Order(StringComparer.Ordinal));
        Assert.True(theirs.Length > known.Length);
    }

    /// <summary>
    /// Reflection cannot see whether [StructLayout] was written, since sequential is what structs are anyway. So: whatever the
    /// sources write it before, and whatever has public fields, which only interop structs have here.
    /// </summary>
    private static List<Type> InteropStructs()
    {
        HashSet<string> written = [.. Sources.Of("ProcMigrate.Linux", "ProcMigrate.Engine")
            .SelectMany(s => Regex.Matches(s.Text, @"\[StructLayout\([^\]]*\)\]\s*[\w\s]*?\bstruct\s+(\w+)"))
            .Select(m => m.Groups[1].Value)];
        return [.. Assemblies.SelectMany(a => a.GetTypes())
            .Where(t => t is { IsValueType: true, IsEnum: false } && !t.IsDefined(typeof(CompilerGeneratedAttribute)))
            .Where(t => written.Contains(t.Name) || t.GetFields(BindingFlags.Instance | BindingFlags.Public).Length > 0)];
    }

    private static IEnumerable<string> Describe(Type type)
    {
        yield return $"{type.Name} {SizeOf(type)}";
        foreach (FieldInfo field in Fields(type))
            yield return $"{type.Name}.{field.Name} {Marshal.OffsetOf(type, field.Name)} {SizeOf(field.FieldType)}";
    }

    /// <summary>All fields but our private names for the gaps that a C compiler leaves by itself.</summary>
    private static IEnumerable<FieldInfo> Fields(Type type) =>
        type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
            .Where(f => f.IsPublic || !f.Name.StartsWith("padding", StringComparison.Ordinal));

    private static int SizeOf(Type type) =>
        (int)typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(type).Invoke(null, null)!;

    private static string Caller(KernelStruct[] known)
    {
        int units = known.GroupBy(k => k.Headers).Count();
        var c = new StringBuilder("#include <stdio.h>\n");
        c.Append("void size(const char *n, unsigned long s) { printf(\"%s %lu\\n\", n, s); }\n");
        c.Append("void field(const char *n, unsigned long o, unsigned long s) { printf(\"%s %lu %lu\\n\", n, o, s); }\n");
        for (int i = 0; i < units; i++)
            c.Append($"void structs{i}(void);\n");
        c.Append("int main(void) {\n");
        for (int i = 0; i < units; i++)
            c.Append($"    structs{i}();\n");
        return c.Append("    return 0;\n}\n").ToString();
    }

    /// <summary>One translation unit for each set of headers: the kernel's and libc's cannot be mixed.</summary>
    private static IEnumerable<string> Units(KernelStruct[] known, Dictionary<string, Type[]> structs)
    {
        int number = 0;
        foreach (IGrouping<string, KernelStruct> unit in known.GroupBy(k => k.Headers))
        {
            var c = new StringBuilder("#define _GNU_SOURCE\n#include <stddef.h>\n");
            foreach (string header in unit.Key.Split(' '))
                c.Append($"#include <{header}>\n");
            foreach (string declaration in unit.Select(k => k.Declaration).Distinct())
                c.Append(declaration).Append('\n');
            c.Append("void size(const char *, unsigned long);\nvoid field(const char *, unsigned long, unsigned long);\n");
            c.Append($"void structs{number++}(void) {{\n");
            foreach (KernelStruct k in unit)
            {
                foreach (Type type in structs[k.Name])
                {
                    c.Append($"    size(\"{k.Name}\", sizeof({k.CType}));\n");
                    foreach (string field in Fields(type).Select(f => f.Name))
                    {
                        string name = k.CField(field);
                        c.Append($"    field(\"{k.Name}.{field}\", offsetof({k.CType}, {name}), sizeof((({k.CType} *)0)->{name}));\n");
                    }
                }
            }
            yield return c.Append("}\n").ToString();
        }
    }
}
