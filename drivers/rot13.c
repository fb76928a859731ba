/*
 * /dev/rot13: what is written comes back enciphered. The C driver of the tree: built by stock clang and wasm-ld
 * (`isolab build drivers/rot13.c`), loaded like every other.
 *
 * Each open file holds one text of at most `size` bytes; a write begins at the file's position, a read takes from there. The
 * ioctl chooses the cipher by its number in the table, ROT13_CRASH ends in an oops.
 */
#define pr_fmt(format) "rot13: " format
#include "isolab.h"

MODULE_LICENSE("GPL");
MODULE_AUTHOR("the isolab authors");
MODULE_DESCRIPTION("A cipher as a device");
MODULE_VERSION("1.0");
MODULE_ALIAS("devname:rot13");

#define ROT13_CRASH 0xdead

static unsigned int size = 4096;
module_param(size, uint, 0444);
MODULE_PARM_DESC(size, "bytes of a text");

static char *cipher = "rot13";
module_param(cipher, charp, 0444);
MODULE_PARM_DESC(cipher, "what a file begins with: rot13, rot47 or upper");

char rot13_letter(char letter);

/* Letters by half the alphabet. */
char rot13_letter(char letter)
{
	char lower = letter | 0x20;

	if (lower < 'a' || lower > 'z') return letter;
	return lower < 'n' ? letter + 13 : letter - 13;
}
EXPORT_SYMBOL_GPL(rot13_letter);

/* Everything printable by half of it. */
static char rot47_letter(char letter)
{
	if (letter < '!' || letter > '~') return letter;
	return letter < 'P' ? letter + 47 : letter - 47;
}

static char upper_letter(char letter)
{
	return letter >= 'a' && letter <= 'z' ? letter - 0x20 : letter;
}

struct cipher {
	const char *name;
	char (*letter)(char letter);
};

/* Not static: other files of the module could have it, and its address comes from the global offset table. */
extern const struct cipher rot13_ciphers[];
const struct cipher rot13_ciphers[] = {
	{ "rot13", rot13_letter },
	{ "rot47", rot47_letter },
	{ "upper", upper_letter },
};
#define CIPHERS 3

struct text {
	const struct cipher *cipher;
	size_t length;
	char bytes[];
};

static int first;
static unsigned int major;

static int rot13_open(struct file *file)
{
	struct text *text = kzalloc(sizeof(*text) + size, GFP_KERNEL);

	if (!text) return -ENOMEM;
	text->cipher = &rot13_ciphers[first];
	file->private_data = text;
	return 0;
}

static int rot13_release(struct file *file)
{
	kfree(file->private_data);
	return 0;
}

static ssize_t rot13_read(struct file *file, char __user *to, size_t count, loff_t *position)
{
	struct text *text = file->private_data;
	char piece[256];
	size_t i;

	if (*position >= (loff_t)text->length) return 0;
	count = min(count, text->length - (size_t)*position);
	count = min(count, sizeof(piece));
	for (i = 0; i < count; i++) piece[i] = text->cipher->letter(text->bytes[(size_t)*position + i]);
	if (copy_to_user(to, piece, count)) return -EFAULT;
	*position += count;
	return count;
}

static ssize_t rot13_write(struct file *file, const char __user *from, size_t count, loff_t *position)
{
	struct text *text = file->private_data;

	if (*position >= (loff_t)size) return count ? -ENOSPC : 0;
	count = min(count, size - (size_t)*position);
	if (copy_from_user(text->bytes + *position, from, count)) return -EFAULT;
	*position += count;
	text->length = max(text->length, (size_t)*position);
	return count;
}

static loff_t rot13_llseek(struct file *file, loff_t offset, int whence)
{
	struct text *text = file->private_data;

	return fixed_size_llseek(file, offset, whence, text->length);
}

/* For those who want to see one: an oops in here, with a frame on the stack. */
static __attribute__((noinline)) int rot13_crash(unsigned long seed)
{
	volatile char frame[512];
	size_t i;

	for (i = 0; i < sizeof(frame); i++) frame[i] = (char)(seed + i);
	BUG_ON(frame[sizeof(frame) - 1] == frame[0] - 1);
	return frame[0];
}

static long rot13_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct text *text = file->private_data;

	if (command == ROT13_CRASH) return rot13_crash(argument);
	if (command >= CIPHERS) return -ENOTTY;
	text->cipher = &rot13_ciphers[command];
	return 0;
}

static const struct file_operations rot13_operations = {
	.llseek = rot13_llseek,
	.read = rot13_read,
	.write = rot13_write,
	.unlocked_ioctl = rot13_ioctl,
	.open = rot13_open,
	.release = rot13_release,
};

static int __init rot13_init(void)
{
	int status;

	while (first < CIPHERS && strcmp(rot13_ciphers[first].name, cipher)) first++;
	if (first == CIPHERS) {
		pr_err("there is no cipher %s\n", cipher);
		return -EINVAL;
	}
	status = register_chrdev(0, "rot13", &rot13_operations);
	if (status < 0) return status;
	major = status;
	pr_info("%s, texts of %u bytes\n", rot13_ciphers[first].name, size);
	return 0;
}

static void __exit rot13_exit(void)
{
	unregister_chrdev(major, "rot13");
}

module_init(rot13_init);
module_exit(rot13_exit);
