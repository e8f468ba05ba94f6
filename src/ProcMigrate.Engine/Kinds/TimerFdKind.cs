using System.Globalization;
using System.Text.Json;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// timerfd_create(2). A relative timer goes on with what was left of it. An absolute one keeps its time on its clock, which is the same to
/// the tree wherever it is (<see cref="TreeClocks"/>), but not to us, who arm it.
/// </summary>
internal sealed class TimerFdKind : DescriptorKind
{
    // A timer of a few microseconds always expires between two looks; one tick more or less is nothing to it.
    private const int MaxTries = 10;

    private const int CLOCK_REALTIME_ALARM = 8;
    private const int CLOCK_BOOTTIME_ALARM = 9;

    public override string Name => "timerfd";

    public override bool Recognises(DescriptorFacts facts) => facts.Link == "anon_inode:[timerfd]";

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context)
    {
        int clock = int.Parse(facts.Info.Field("clockid"), CultureInfo.InvariantCulture);
        TimerSpec time;
        ulong ticks;
        int tries = 0;
        do
        {
            // First the remaining time, which also counts the ticks that nobody has read; then fdinfo for them.
            time = EventDescriptors.GetTimer(facts.Ours);
            DescriptorInfo now = DescriptorInfo.Of(facts.Process.Pid, facts.Fd);
            ticks = ulong.Parse(now.Field("ticks"), CultureInfo.InvariantCulture);
            // It may expire between the two: then the next look is of one piece.
        }
        while (Expired(facts, time) && ++tries < MaxTries);
        var state = new TimerFdState
        {
            Flags = facts.Info.Flags,
            Clock = clock,
            SetFlags = Convert.ToInt32(facts.Info.Field("settime flags"), 8),
            Ticks = ticks,
            RemainingNs = time.it_value.TotalNanoseconds,
            IntervalNs = time.it_interval.TotalNanoseconds,
            ExpiresNs = Clock.Now(ClockOf(clock)) + time.it_value.TotalNanoseconds,
        };
        return JsonSerializer.SerializeToElement(state, StateJson.Default.TimerFdState);
    }

    public override Descriptor Recreate(ObjectRecord record, RestoreContext context)
    {
        TimerFdState state = RestoreContext.Parse(record, StateJson.Default.TimerFdState);
        Descriptor file = EventDescriptors.CreateTimer(state.Clock);
        FileCalls.SetFlags(file, state.Flags);
        // Armed last of all, or the time that restoring takes would be gone from it.
        context.BeforeRelease(() => Arm(file, state, context));
        return file;
    }

    private static void Arm(Descriptor file, TimerFdState state, RestoreContext context)
    {
        if (state.RemainingNs != 0)
        {
            bool absolute = (state.SetFlags & EventDescriptors.TFD_TIMER_ABSTIME) != 0;
            int clock = ClockOf(state.Clock);
            long value = absolute ? TreeClocks.Of(context).Here(clock, state.ExpiresNs, state.RemainingNs) : state.RemainingNs;
            EventDescriptors.SetTimer(file, state.SetFlags, new TimerSpec
            {
                it_value = TimeSpec.FromNanoseconds(value),
                it_interval = TimeSpec.FromNanoseconds(state.IntervalNs),
            });
        }
        // Behind the arming, which sets them to zero.
        if (state.Ticks != 0)
            EventDescriptors.SetTicks(file, state.Ticks);
    }

    private static bool Expired(DescriptorFacts facts, in TimerSpec before)
    {
        if (before.it_value.TotalNanoseconds == 0)
            return false;
        TimerSpec after = EventDescriptors.GetTimer(facts.Ours);
        // Time left only shrinks, unless a new period has begun; none is left when it was the last.
        return after.it_value.TotalNanoseconds == 0 || after.it_value.TotalNanoseconds > before.it_value.TotalNanoseconds;
    }

    private static int ClockOf(int clock) => clock switch
    {
        CLOCK_REALTIME_ALARM => Clock.CLOCK_REALTIME,
        CLOCK_BOOTTIME_ALARM => Clock.CLOCK_BOOTTIME,
        _ => clock,
    };
}

/// <summary>A timer: ExpiresNs is when, by its own clock; RemainingNs is 0 for one that is not armed.</summary>
internal sealed record TimerFdState : OpenState
{
    public required int Clock { get; init; }
    public required int SetFlags { get; init; }
    public required ulong Ticks { get; init; }
    public required long RemainingNs { get; init; }
    public required long IntervalNs { get; init; }
    public required long ExpiresNs { get; init; }
}
