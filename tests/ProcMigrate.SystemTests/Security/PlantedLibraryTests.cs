using System.Text;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Security;

/// <summary>
/// The binary loads the C library from where the system has it, and nothing else: no library of somebody who can write into its folder,
/// or who chooses the environment of a binary with file capabilities.
/// </summary>
public sealed class PlantedLibraryTests : SystemTest
{
    private readonly Trap trap;
    private readonly string binary;

    public PlantedLibraryTests()
    {
        trap = new Trap(Folder["trap"]);
        binary = Folder["procmigrate"];
        File.Copy(Places.Binary, binary);
    }

    [Fact]
    public void LibrariesBesideTheBinary_AreNotLoaded()
    {
        foreach (string name in (string[])["libc.so", "liblibc.so", "libc", "libc.so.6", "libm.so.6", "liblz4.so", "libssl.so.3", "libcrypto.so.3"])
            File.Copy($"{trap.Place}/preloaded.so", Folder[name]);
        using ProgramUnderTest program = Start("files");
        Check(binary, "doctor");
        Check(binary, "save", $"{program.Pid}", "-o", Image, "--json");
        Check(binary, "restore", Image, "--json");
        Assert.Equal("", trap.Record);
        program.AssertPasses();
        Assert.DoesNotMatch(@"\((RPATH|RUNPATH)\)", Tool.Run("/usr/bin/readelf", "-dW", Places.Binary).Output);
    }

    /// <summary>.NET's loader of OpenSSL asks the environment for a version, even where the kernel has told the C library not to trust it (AT_SECURE).</summary>
    [Theory]
    [InlineData("send")]
    [InlineData("migrate")]
    public void LibraryNamedByTheEnvironment_IsNotLoaded(string verb)
    {
        Directory.CreateDirectory(Folder["libssl.so."]);
        File.Copy($"{trap.Place}/preloaded.so", Folder["planted.so"]);
        string ssh = Directory.CreateDirectory(Folder["tools"]).FullName + "/ssh";
        File.WriteAllText(ssh, "#!/bin/sh\nexit 255\n");
        File.SetUnixFileMode(ssh, (UnixFileMode)0x1ed); // 0755
        using ProgramUnderTest program = Start("files");
        Binary.Save(program.Pid, Image, "--leave-running");
        string[] environment = ["CLR_OPENSSL_VERSION_OVERRIDE=/../planted.so", $"HOME={Folder.Path}", $"PATH={Folder["tools"]}:{Environment.GetEnvironmentVariable("PATH")}"];
        Answer failed = Binary.RunThis(["env", "-C", Folder.Path, .. environment, binary, verb, verb == "send" ? Image : $"{program.Pid}", "elsewhere", "--json"]);
        Assert.Equal(5, failed.ExitCode);
        Assert.Equal("", trap.Record);
        program.AssertPasses();
    }

    [Fact]
    public void Binary_HasNoLoaderOfOpenSsl()
    {
        byte[] bytes = File.ReadAllBytes(Places.Binary);
        foreach (string text in (string[])["libssl", "CLR_OPENSSL"])
        {
            Assert.True(bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes(text)) < 0, $"{text} is in the binary");
            Assert.True(bytes.AsSpan().IndexOf(Encoding.Unicode.GetBytes(text)) < 0, $"{text} is in the binary, as UTF-16");
        }
    }

    private static void Check(params string[] command)
    {
        Answer answer = Binary.RunThis(command);
        // doctor ends with 3 where something is missing.
        Assert.True(answer.ExitCode == 0 || (command[1] == "doctor" && answer.ExitCode == 3), answer.ToString());
    }
}
