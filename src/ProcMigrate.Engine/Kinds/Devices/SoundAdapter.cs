using System.Numerics;
using System.Runtime.InteropServices;
using System.Text.Json;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Devices;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds.Devices;

/// <summary>struct audio_buf_info (sys/soundcard.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct AudioBufferInfo
{
    public int fragments;
    public int fragstotal;
    public int fragsize;
    public int bytes;
}

/// <summary>
/// /dev/dsp and /dev/audio of the Open Sound System: rate, channels, sample format, fragments and trigger are asked for and set
/// again. What the card had not played yet is lost: at most its buffer, a fraction of a second.
/// </summary>
internal sealed class SoundAdapter : DeviceAdapter
{
    // sys/soundcard.h; 'P' is the group, and each number holds the direction and an int (or the struct above).
    private const uint SNDCTL_DSP_SPEED = 0xC0045002;
    private const uint SNDCTL_DSP_SETFMT = 0xC0045005;
    private const uint SNDCTL_DSP_CHANNELS = 0xC0045006;
    private const uint SNDCTL_DSP_SETFRAGMENT = 0xC004500A;
    private const uint SNDCTL_DSP_GETOSPACE = 0x8010500C;
    private const uint SNDCTL_DSP_GETISPACE = 0x8010500D;
    private const uint SNDCTL_DSP_GETTRIGGER = 0x80045010;
    private const uint SNDCTL_DSP_SETTRIGGER = 0x40045010;
    private const uint SNDCTL_DSP_GETODELAY = 0x80045017;
    private const uint SOUND_PCM_READ_RATE = 0x80045002;
    private const uint SOUND_PCM_READ_CHANNELS = 0x80045006;
    private const int AFMT_QUERY = 0;

    private static readonly string[] Paths = ["/dev/dsp", "/dev/audio"];

    public override string Name => "oss-sound";

    public override bool Recognises(DescriptorFacts facts) =>
        Array.Exists(Paths, p => facts.Link.StartsWith(p, StringComparison.Ordinal) && IsUnit(facts.Link.AsSpan(p.Length)));

    public override JsonElement? Capture(Descriptor device, DescriptorFacts facts, SaveContext context)
    {
        bool records = (facts.Info.Flags & OpenFlags.O_ACCMODE) == OpenFlags.O_RDONLY;
        AudioBufferInfo buffer = default;
        DeviceCalls.Call(
            device, records ? SNDCTL_DSP_GETISPACE : SNDCTL_DSP_GETOSPACE, records ? "SNDCTL_DSP_GETISPACE" : "SNDCTL_DSP_GETOSPACE", ref buffer);
        var state = new SoundState
        {
            Rate = Ask(device, SOUND_PCM_READ_RATE, "SOUND_PCM_READ_RATE"),
            Channels = Ask(device, SOUND_PCM_READ_CHANNELS, "SOUND_PCM_READ_CHANNELS"),
            Format = Ask(device, SNDCTL_DSP_SETFMT, "SNDCTL_DSP_SETFMT(AFMT_QUERY)", AFMT_QUERY),
            Fragments = buffer.fragstotal,
            FragmentSize = buffer.fragsize,
            Trigger = AskOptional(device, SNDCTL_DSP_GETTRIGGER),
        };
        if (!records && AskOptional(device, SNDCTL_DSP_GETODELAY) is { } unplayed and > 0)
            context.Warnings.Add($"{facts.Link}: {unplayed} bytes were not played yet; they are not in the image");
        return JsonSerializer.SerializeToElement(state, StateJson.Default.SoundState);
    }

    /// <summary>Sound devices have one user at a time: control of it is part of what the program had.</summary>
    public override void Check(string path, JsonElement state, RestoreContext context)
    {
        try
        {
            FileCalls.Open(path, OpenFlags.O_WRONLY | OpenFlags.O_NONBLOCK | OpenFlags.O_NOCTTY).Dispose();
        }
        catch (LinuxException e)
        {
            context.Block(new Blocker(
                "DeviceBusy", null, null, path, $"the program had this sound device for itself, and it cannot be opened here: {e.Message}",
                "end the program that plays on it"));
        }
    }

    public override void Apply(Descriptor device, string path, JsonElement state, RestoreContext context)
    {
        SoundState sound = state.Deserialize(StateJson.Default.SoundState) ?? throw RestoreContext.Damaged($"{path} has no state");
        // The fragments before all else (the driver lays out its buffer by them), the rate after format and channels.
        if (BitOperations.IsPow2(sound.FragmentSize) && sound.Fragments is > 0 and < 0x7fff)
        {
            int fragments = sound.Fragments << 16 | BitOperations.Log2((uint)sound.FragmentSize);
            DeviceCalls.Call(device, SNDCTL_DSP_SETFRAGMENT, "SNDCTL_DSP_SETFRAGMENT", ref fragments);
        }
        Set(device, path, SNDCTL_DSP_SETFMT, "SNDCTL_DSP_SETFMT", sound.Format);
        Set(device, path, SNDCTL_DSP_CHANNELS, "SNDCTL_DSP_CHANNELS", sound.Channels);
        Set(device, path, SNDCTL_DSP_SPEED, "SNDCTL_DSP_SPEED", sound.Rate);
        if (sound.Trigger is { } trigger)
            DeviceCalls.Call(device, SNDCTL_DSP_SETTRIGGER, "SNDCTL_DSP_SETTRIGGER", ref trigger);
    }

    /// <summary>/dev/dsp, /dev/dsp1 …, not /dev/dspx.</summary>
    private static bool IsUnit(ReadOnlySpan<char> rest) => !rest.ContainsAnyExceptInRange('0', '9');

    private static int Ask(Descriptor device, uint request, string name, int argument = 0)
    {
        DeviceCalls.Call(device, request, name, ref argument);
        return argument;
    }

    private static int? AskOptional(Descriptor device, uint request)
    {
        int argument = 0;
        return DeviceCalls.Try(device, request, ref argument) >= 0 ? argument : null;
    }

    /// <summary>OSS answers a setting that it cannot do with the nearest that it can.</summary>
    private static void Set(Descriptor device, string path, uint request, string name, int wanted)
    {
        int got = wanted;
        DeviceCalls.Call(device, request, name, ref got);
        if (got != wanted)
        {
            throw new EngineException(
                "DeviceDiffers", FailureClass.Refused,
                $"{path} cannot do here what the program had set: {name} {wanted} became {got}. Nothing was started.");
        }
    }
}

/// <summary>How an OSS device was set.</summary>
internal sealed record SoundState
{
    public required int Rate { get; init; }
    public required int Channels { get; init; }
    public required int Format { get; init; }
    public required int Fragments { get; init; }
    public required int FragmentSize { get; init; }

    /// <summary>PCM_ENABLE_INPUT and PCM_ENABLE_OUTPUT; null where the device cannot tell.</summary>
    public int? Trigger { get; init; }
}
