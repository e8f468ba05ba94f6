/* An OSS sound device (/dev/dsp), set to what is not its default, and in use. */
#include "harness.h"
#include <sys/ioctl.h>
#include <sys/soundcard.h>

int main(int argc, char **argv)
{
	h_init(argc, argv);
	int dsp = open("/dev/dsp", O_WRONLY);
	if (dsp < 0 && (errno == ENOENT || errno == ENXIO || errno == ENODEV))
		h_skip("no /dev/dsp here");
	int fragment = 8 << 16 | 12, format = AFMT_S16_LE, channels = 2, rate = 44100;
	MUST(dsp >= 0 && ioctl(dsp, SNDCTL_DSP_SETFRAGMENT, &fragment) == 0 && ioctl(dsp, SNDCTL_DSP_SETFMT, &format) == 0);
	MUST(ioctl(dsp, SNDCTL_DSP_CHANNELS, &channels) == 0 && ioctl(dsp, SNDCTL_DSP_SPEED, &rate) == 0);
	static short sound[4096];
	MUST(write(dsp, sound, sizeof sound) == sizeof sound);
	h_ready();
	h_wait();
	format = AFMT_QUERY;
	audio_buf_info space;
	CHECK(ioctl(dsp, SOUND_PCM_READ_RATE, &rate) == 0 && rate == 44100, "rate %d", rate);
	CHECK(ioctl(dsp, SOUND_PCM_READ_CHANNELS, &channels) == 0 && channels == 2, "channels %d", channels);
	CHECK(ioctl(dsp, SNDCTL_DSP_SETFMT, &format) == 0 && format == AFMT_S16_LE, "format %d", format);
	CHECK(ioctl(dsp, SNDCTL_DSP_GETOSPACE, &space) == 0 && space.fragstotal == 8 && space.fragsize == 4096,
		"fragments %d of %d", space.fragstotal, space.fragsize);
	CHECK(write(dsp, sound, sizeof sound) == sizeof sound, "write: %s", strerror(errno));
	CHECK(open("/dev/dsp", O_WRONLY) < 0 && errno == EBUSY, "the device is not ours alone");
	h_end();
}
