/* dspserver PATH LOG: not under test. A sound device that answers the OSS calls, as a FUSE file mounted over PATH, for
 * machines without one; speaks the kernel's protocol on /dev/fuse itself. One opener at a time, as sound cards have it; what
 * was set is forgotten when it closes. Each call that sets something is a line of LOG. Ends when PATH is unmounted. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/soundcard.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static struct card { int rate, channels, format, fragments, fragsize, trigger, written; bool open; } card;
static FILE *log_file;
static int fuse;

static void forget(void)
{
	card = (struct card){ .rate = 8000, .channels = 1, .format = AFMT_U8, .fragments = 16, .fragsize = 1024, .trigger = PCM_ENABLE_OUTPUT };
}

static void told(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vfprintf(log_file, format, args);
	va_end(args);
	fflush(log_file);
}

static void reply(const struct fuse_in_header *in, int error, const void *data, size_t length)
{
	struct fuse_out_header out = { .len = sizeof out + length, .error = -error, .unique = in->unique };
	struct iovec parts[] = { { &out, sizeof out }, { (void *)data, length } };
	if (writev(fuse, parts, length ? 2 : 1) < 0 && errno != ENOENT)
		perror("dspserver: reply");
}

static void attributes(struct fuse_attr *attr)
{
	*attr = (struct fuse_attr){ .ino = FUSE_ROOT_ID, .mode = S_IFREG | 0666, .nlink = 1, .blksize = 4096 };
}

/* The answer to one OSS call, or -1 for one that it has not. */
static int oss(unsigned request, int argument, void *answer)
{
	int *number = answer;
	switch (request) {
	case SNDCTL_DSP_SPEED: told("rate %d\n", argument); *number = card.rate = argument; return 4;
	case SNDCTL_DSP_CHANNELS: told("channels %d\n", argument); *number = card.channels = argument > 2 ? 2 : argument; return 4;
	case SNDCTL_DSP_SETFMT:
		if (argument != AFMT_QUERY) {
			told("format %d\n", argument);
			card.format = argument;
		}
		*number = card.format;
		return 4;
	case SNDCTL_DSP_SETFRAGMENT:
		told("fragment %x\n", argument);
		card.fragments = argument >> 16;
		card.fragsize = 1 << (argument & 0xffff);
		*number = argument;
		return 4;
	case SNDCTL_DSP_GETOSPACE:
	case SNDCTL_DSP_GETISPACE:
		*(audio_buf_info *)answer = (audio_buf_info){ card.fragments, card.fragments, card.fragsize, card.fragments * card.fragsize };
		return sizeof(audio_buf_info);
	case SNDCTL_DSP_GETTRIGGER: *number = card.trigger; return 4;
	case SNDCTL_DSP_SETTRIGGER: told("trigger %d\n", argument); card.trigger = argument; return 0;
	case SNDCTL_DSP_GETODELAY: *number = 0; return 4;
	case SOUND_PCM_READ_RATE: *number = card.rate; return 4;
	case SOUND_PCM_READ_CHANNELS: *number = card.channels; return 4;
	default: return -1;
	}
}

static void on_ioctl(const struct fuse_in_header *in, const struct fuse_ioctl_in *call)
{
	struct { struct fuse_ioctl_out out; char data[64]; } answer = { 0 };
	int argument = call->in_size >= 4 ? *(const int *)(call + 1) : 0;
	int length = oss(call->cmd, argument, answer.data);
	if (length < 0)
		reply(in, ENOTTY, NULL, 0);
	else
		reply(in, 0, &answer, sizeof answer.out + length);
}

static void on_open(const struct fuse_in_header *in)
{
	struct fuse_open_out out = { .fh = 1, .open_flags = FOPEN_DIRECT_IO };
	if (card.open) {
		reply(in, EBUSY, NULL, 0);
		return;
	}
	forget();
	card.open = true;
	told("open\n");
	reply(in, 0, &out, sizeof out);
}

static void serve(const struct fuse_in_header *in)
{
	const void *body = in + 1;
	struct fuse_attr_out attr = { .attr_valid = 0 };
	switch (in->opcode) {
	case FUSE_INIT: {
		const struct fuse_init_in *init = body;
		struct fuse_init_out out = { .major = 7, .minor = 31, .max_readahead = init->max_readahead, .max_write = 65536, .max_background = 16,
			.congestion_threshold = 12, .time_gran = 1 };
		reply(in, 0, &out, sizeof out);
		break;
	}
	case FUSE_GETATTR:
	case FUSE_SETATTR:
		attributes(&attr.attr);
		reply(in, 0, &attr, sizeof attr);
		break;
	case FUSE_OPEN: on_open(in); break;
	case FUSE_IOCTL: on_ioctl(in, body); break;
	case FUSE_WRITE: {
		const struct fuse_write_in *write = body;
		struct fuse_write_out out = { .size = write->size };
		card.written += write->size;
		reply(in, 0, &out, sizeof out);
		break;
	}
	case FUSE_RELEASE:
		card.open = false;
		told("close after %d bytes\n", card.written);
		reply(in, 0, NULL, 0);
		break;
	case FUSE_FLUSH:
	case FUSE_ACCESS: reply(in, 0, NULL, 0); break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT: break;
	default: reply(in, ENOSYS, NULL, 0);
	}
}

int main(int argc, char **argv)
{
	static char buffer[65536 + 4096];
	char options[100];
	if (argc != 3 || !(log_file = fopen(argv[2], "w"))) {
		fprintf(stderr, "usage: dspserver PATH LOG\n");
		return 64;
	}
	fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	snprintf(options, sizeof options, "fd=%d,rootmode=%o,user_id=0,group_id=0,allow_other", fuse, S_IFREG | 0666);
	if (fuse < 0 || mount("dsp", argv[1], "fuse", MS_NOSUID, options) != 0) {
		fprintf(stderr, "dspserver: %s: %s\n", argv[1], strerror(errno));
		return 71;
	}
	forget();
	for (;;) {
		ssize_t length = read(fuse, buffer, sizeof buffer);
		if (length >= (ssize_t)sizeof(struct fuse_in_header))
			serve((struct fuse_in_header *)buffer);
		else if (length < 0 && errno == ENODEV)
			return 0;
		else if (length < 0 && errno != EINTR && errno != EAGAIN && errno != ENOENT)
			return 72;
	}
}
