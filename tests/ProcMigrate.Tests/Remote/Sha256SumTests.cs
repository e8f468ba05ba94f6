using System.Security.Cryptography;
using System.Text;
using ProcMigrate.Remote.Deployment;

namespace ProcMigrate.Tests.Remote;

public sealed class Sha256SumTests
{
    // Examples of FIPS 180-2 and 180-4 (NIST, "SHA-256").
    [Theory]
    [InlineData("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    [InlineData("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")]
    [InlineData(
        "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
        "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1")]
    public void Compute_AgreesWithTheStandard(string text, string digest) =>
        Assert.Equal(digest, Convert.ToHexStringLower(Sha256Sum.Compute(Encoding.ASCII.GetBytes(text))));

    [Fact]
    public void Compute_AgreesWithTheStandard_OfAMillionBytes() =>
        Assert.Equal(
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
            Convert.ToHexStringLower(Sha256Sum.Compute(Enumerable.Repeat((byte)'a', 1_000_000).ToArray())));

    /// <summary>Every length up to some blocks, so that the padding has each place; and larger ones.</summary>
    [Fact]
    public void Compute_AgreesWithDotNet()
    {
        var random = new Random(4711);
        foreach (int length in Enumerable.Range(0, 300).Concat(Enumerable.Range(0, 20).Select(_ => random.Next(100_000))))
        {
            byte[] data = new byte[length];
            random.NextBytes(data);
            Assert.Equal(SHA256.HashData(data), Sha256Sum.Compute(data));
        }
    }
}
