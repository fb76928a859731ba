/*
 * The kernel API for drivers in C: all that a driver needs, with Linux's names. C11; one file; nothing else is included.
 *
 *   clang --target=wasm32-unknown-emscripten -O2 -g -fPIC -fvisibility=default -c blink.c
 *   wasm-ld --experimental-pic -shared --no-entry --export-dynamic --allow-undefined \
 *           --export-if-defined=__wasm_call_ctors -o blink.ko.wasm blink.o
 *
 * clang and lld 14 or newer. `isolab build blink.c` does the same. One file is loaded in every architecture: nothing in here
 * tells a driver where it runs. A driver has no libc; what it may call is declared below.
 *
 * Where this differs from Linux: open and release get no inode; there is no owner in a table of operations; module_param_array
 * takes the number of elements; EXPORT_SYMBOL may say how a function's parameters cross from one domain into another.
 */
#ifndef ISOLAB_H
#define ISOLAB_H

/* Types. */

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long long s64;
typedef __SIZE_TYPE__ size_t;
typedef long ssize_t;
typedef __UINTPTR_TYPE__ uintptr_t;
typedef long long loff_t;
typedef unsigned short umode_t;
typedef unsigned int gfp_t;
typedef __builtin_va_list va_list;

#if __STDC_VERSION__ < 202311L
typedef _Bool bool;
#define true 1
#define false 0
#endif
#define NULL ((void *)0)

#define va_start(list, last) __builtin_va_start(list, last)
#define va_end(list) __builtin_va_end(list)

/* A pointer into the caller's memory: for copy_to_user and its like, never to be followed. */
#define __user

/* Nothing is dropped after init; the words are there for those who write them. */
#define __init
#define __exit

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define container_of(pointer, type, member) ((type *)((char *)(pointer) - __builtin_offsetof(type, member)))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))

/* Errors: a function answers with the negative of one of these. */

#define EPERM 1
#define ENOENT 2
#define ESRCH 3
#define EINTR 4
#define EIO 5
#define ENXIO 6
#define E2BIG 7
#define ENOEXEC 8
#define EBADF 9
#define ECHILD 10
#define EAGAIN 11
#define EWOULDBLOCK EAGAIN
#define ENOMEM 12
#define EACCES 13
#define EFAULT 14
#define ENOTBLK 15
#define EBUSY 16
#define EEXIST 17
#define EXDEV 18
#define ENODEV 19
#define ENOTDIR 20
#define EISDIR 21
#define EINVAL 22
#define ENFILE 23
#define EMFILE 24
#define ENOTTY 25
#define ETXTBSY 26
#define EFBIG 27
#define ENOSPC 28
#define ESPIPE 29
#define EROFS 30
#define EMLINK 31
#define EPIPE 32
#define EDOM 33
#define ERANGE 34
#define EDEADLK 35
#define EDEADLOCK EDEADLK
#define ENAMETOOLONG 36
#define ENOLCK 37
#define ENOSYS 38
#define ENOTEMPTY 39
#define ELOOP 40
#define ENOMSG 42
#define EIDRM 43
#define ECHRNG 44
#define EL2NSYNC 45
#define EL3HLT 46
#define EL3RST 47
#define ELNRNG 48
#define EUNATCH 49
#define ENOCSI 50
#define EL2HLT 51
#define EBADE 52
#define EBADR 53
#define EXFULL 54
#define ENOANO 55
#define EBADRQC 56
#define EBADSLT 57
#define EBFONT 59
#define ENOSTR 60
#define ENODATA 61
#define ETIME 62
#define ENOSR 63
#define ENONET 64
#define ENOPKG 65
#define EREMOTE 66
#define ENOLINK 67
#define EADV 68
#define ESRMNT 69
#define ECOMM 70
#define EPROTO 71
#define EMULTIHOP 72
#define EDOTDOT 73
#define EBADMSG 74
#define EOVERFLOW 75
#define ENOTUNIQ 76
#define EBADFD 77
#define EREMCHG 78
#define ELIBACC 79
#define ELIBBAD 80
#define ELIBSCN 81
#define ELIBMAX 82
#define ELIBEXEC 83
#define EILSEQ 84
#define ERESTART 85
#define ESTRPIPE 86
#define EUSERS 87
#define ENOTSOCK 88
#define EDESTADDRREQ 89
#define EMSGSIZE 90
#define EPROTOTYPE 91
#define ENOPROTOOPT 92
#define EPROTONOSUPPORT 93
#define ESOCKTNOSUPPORT 94
#define EOPNOTSUPP 95
#define ENOTSUP EOPNOTSUPP
#define EPFNOSUPPORT 96
#define EAFNOSUPPORT 97
#define EADDRINUSE 98
#define EADDRNOTAVAIL 99
#define ENETDOWN 100
#define ENETUNREACH 101
#define ENETRESET 102
#define ECONNABORTED 103
#define ECONNRESET 104
#define ENOBUFS 105
#define EISCONN 106
#define ENOTCONN 107
#define ESHUTDOWN 108
#define ETOOMANYREFS 109
#define ETIMEDOUT 110
#define ECONNREFUSED 111
#define EHOSTDOWN 112
#define EHOSTUNREACH 113
#define EALREADY 114
#define EINPROGRESS 115
#define ESTALE 116
#define EUCLEAN 117
#define ENOTNAM 118
#define ENAVAIL 119
#define EISNAM 120
#define EREMOTEIO 121
#define EDQUOT 122
#define ENOMEDIUM 123
#define EMEDIUMTYPE 124
#define ECANCELED 125
#define ENOKEY 126
#define EKEYEXPIRED 127
#define EKEYREVOKED 128
#define EKEYREJECTED 129
#define EOWNERDEAD 130
#define ENOTRECOVERABLE 131
#define ERFKILL 132
#define EHWPOISON 133

/* What follows comes from the kernel, or is called by it: it must be seen from outside. */
#pragma GCC visibility push(default)

/*
 * Logging. A level stands in front of the format: printk(KERN_ERR "no disk %d\n", n). Formats are Linux's: %d %i %u %x %X %o %p
 * %s %c %%, the lengths h l ll z, flags, width and precision. A line holds 236 bytes.
 */
#define KERN_SOH "\001"
#define KERN_EMERG KERN_SOH "0"
#define KERN_ALERT KERN_SOH "1"
#define KERN_CRIT KERN_SOH "2"
#define KERN_ERR KERN_SOH "3"
#define KERN_WARNING KERN_SOH "4"
#define KERN_NOTICE KERN_SOH "5"
#define KERN_INFO KERN_SOH "6"
#define KERN_DEBUG KERN_SOH "7"

/* Returns the length of the text. */
int printk(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A driver that defines pr_fmt before it includes this file has its own words before every line. */
#ifndef pr_fmt
#define pr_fmt(format) format
#endif
#define pr_emerg(format, ...) printk(KERN_EMERG pr_fmt(format), ##__VA_ARGS__)
#define pr_alert(format, ...) printk(KERN_ALERT pr_fmt(format), ##__VA_ARGS__)
#define pr_crit(format, ...) printk(KERN_CRIT pr_fmt(format), ##__VA_ARGS__)
#define pr_err(format, ...) printk(KERN_ERR pr_fmt(format), ##__VA_ARGS__)
#define pr_warn(format, ...) printk(KERN_WARNING pr_fmt(format), ##__VA_ARGS__)
#define pr_notice(format, ...) printk(KERN_NOTICE pr_fmt(format), ##__VA_ARGS__)
#define pr_info(format, ...) printk(KERN_INFO pr_fmt(format), ##__VA_ARGS__)

/* Something is wrong that cannot be: an oops here, with this function's name. */
#define BUG() (printk(KERN_CRIT "kernel BUG at %s:%d!\n", __FILE__, __LINE__), __builtin_trap())
#define BUG_ON(condition)                                                                                        \
  do {                                                                                                           \
    if (unlikely(condition)) BUG();                                                                              \
  } while (0)

/* Warns, with a call trace in the log, where the condition holds, and goes on; WARN with a text. Both give the condition. */
void warn_slowpath(const char *text);
#define WARN(condition, text)                                                                                    \
  __extension__({                                                                                                \
    bool isolab_warns = !!(condition);                                                                           \
    if (unlikely(isolab_warns)) warn_slowpath(text);                                                             \
    isolab_warns;                                                                                                \
  })
#define WARN_ON(condition) WARN(condition, NULL)

/* Ends the task that is running, as Linux's do_exit. */
_Noreturn void do_exit(long code);

/* Strings and bytes; the compiler calls the first four by itself. */

void *memcpy(void *to, const void *from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *to, int byte, size_t count);
int memcmp(const void *a, const void *b, size_t count);
size_t strlen(const char *text);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t count);
/* Copies a text into `size` bytes and always ends it. Returns its length, or -E2BIG where it was cut. */
ssize_t strscpy(char *to, const char *from, size_t size);
/* At most `size` bytes with the ending NUL; returns the length that the whole text would have had. */
int snprintf(char *to, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
int vsnprintf(char *to, size_t size, const char *format, va_list arguments);

/* The caller's memory. Each returns how many bytes could not be copied: 0, or all of them where the range is not the caller's. */

unsigned long copy_to_user(void __user *to, const void *from, unsigned long count);
unsigned long copy_from_user(void *to, const void __user *from, unsigned long count);
unsigned long clear_user(void __user *to, unsigned long count);


/*
 * Memory of the domain that the driver lives in; NULL where there is none. `flags` say what an allocation may do; GFP_KERNEL
 * suits most. What a module has not given back when it is removed is told and taken.
 */

#define __GFP_HIGH 0x20u
#define __GFP_ZERO 0x100u
#define __GFP_DIRECT_RECLAIM 0x400u
/* A failure is not worth a line in the log. */
#define __GFP_NOWARN 0x2000u
#define __GFP_NORETRY 0x10000u
#define GFP_KERNEL 0xcc0u
/* Takes what is free at once. */
#define GFP_ATOMIC 0x820u
#define GFP_NOWAIT 0x800u

#define PAGE_SIZE 4096ul
#define KMALLOC_MAX_SIZE 0x400000ul
/* What kmalloc gives for no bytes: may be freed, not followed. */
#define ZERO_SIZE_PTR ((void *)16)
#define ZERO_OR_NULL_PTR(pointer) ((unsigned long)(pointer) <= (unsigned long)ZERO_SIZE_PTR)

/* Aligned to 16 bytes; at most KMALLOC_MAX_SIZE. */
void *kmalloc(size_t size, gfp_t flags) __attribute__((malloc, alloc_size(1)));
/* Cleared. */
void *kzalloc(size_t size, gfp_t flags) __attribute__((malloc, alloc_size(1)));
/* NULL also where the product is no size. */
void *kmalloc_array(size_t count, size_t size, gfp_t flags) __attribute__((malloc, alloc_size(1, 2)));
void *kcalloc(size_t count, size_t size, gfp_t flags) __attribute__((malloc, alloc_size(1, 2)));
/* NULL leaves the old object as it was. */
void *krealloc(const void *object, size_t size, gfp_t flags) __attribute__((alloc_size(2)));
/* Bytes that may be used: at least what was asked for. */
size_t ksize(const void *object);
/* NULL is allowed, here and in what follows. */
void kfree(const void *object);

/* kmalloc where that can be had, else vmalloc. */
void *kvmalloc(size_t size, gfp_t flags) __attribute__((malloc, alloc_size(1)));
#define kvzalloc(size, flags) kvmalloc(size, (flags) | __GFP_ZERO)
void kvfree(const void *address);
/* Whole pages, for what is too large for kmalloc. */
void *vmalloc(unsigned long size) __attribute__((malloc, alloc_size(1)));
void *vzalloc(unsigned long size) __attribute__((malloc, alloc_size(1)));
void vfree(const void *address);

/* 1 << order pages, order 0 to 10, aligned to their size. */
unsigned long __get_free_pages(gfp_t flags, unsigned int order);
unsigned long get_zeroed_page(gfp_t flags);
void free_pages(unsigned long address, unsigned int order);
#define __get_free_page(flags) __get_free_pages(flags, 0)
#define free_page(address) free_pages(address, 0)

/* Caches of objects of one size. */

struct kmem_cache;

#define SLAB_CONSISTENCY_CHECKS 0x100u
#define SLAB_RED_ZONE 0x400u
#define SLAB_POISON 0x800u
#define SLAB_HWCACHE_ALIGN 0x2000u
#define SLAB_STORE_USER 0x10000u

/* The name is copied; `ctor` is run once for each object of a new slab. */
struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align, unsigned int flags,
                                     void (*ctor)(void *object));
void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t flags) __attribute__((malloc));
#define kmem_cache_zalloc(cache, flags) kmem_cache_alloc(cache, (flags) | __GFP_ZERO)
void kmem_cache_free(struct kmem_cache *cache, void *object);
unsigned int kmem_cache_size(struct kmem_cache *cache);
int kmem_cache_shrink(struct kmem_cache *cache);
/* Its objects must have been freed. */
void kmem_cache_destroy(struct kmem_cache *cache);

/* Character devices. Operations answer with a byte count, 0, or the negative of an error. */

struct file {
  loff_t f_pos;
  /* The driver's own. */
  void *private_data;
  /* FMODE_READ, FMODE_WRITE or both. */
  u32 f_mode;
  u32 f_minor;
  /* The kernel goes on from here. */
};

#define FMODE_READ 1u
#define FMODE_WRITE 2u

#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2

/* Those that are left out are 0: open and release then do nothing, the others fail. */
struct file_operations {
  loff_t (*llseek)(struct file *file, loff_t offset, int whence);
  ssize_t (*read)(struct file *file, char __user *to, size_t count, loff_t *position);
  ssize_t (*write)(struct file *file, const char __user *from, size_t count, loff_t *position);
  long (*unlocked_ioctl)(struct file *file, unsigned int command, unsigned long argument);
  int (*open)(struct file *file);
  int (*release)(struct file *file);
  /* FOP_IDEMPOTENT or 0. */
  u32 fop_flags;
};

/*
 * Reads and writes may be done twice, since each names its place. A driver in a domain of its own that dies is then not noticed
 * by those who read and write: what was in flight is asked of its successor, and open files are opened there.
 */
#define FOP_IDEMPOTENT 1u

/*
 * Registers a device under a major number, 0 for one that the kernel chooses; it appears as /dev/NAME. The operations must
 * stay where they are. Returns the major where the kernel chose it, else 0; or the negative of an error.
 */
int register_chrdev(unsigned int major, const char *name, const struct file_operations *operations);
void unregister_chrdev(unsigned int major, const char *name);

/* llseek on a device of `size` bytes. */
loff_t fixed_size_llseek(struct file *file, loff_t offset, int whence, loff_t size);

/*
 * Files whose text is made while it is read. A device's open calls single_open with a function that writes the text, and its
 * operations are seq_read, seq_lseek and single_release; or seq_open and seq_release with a table that walks over records.
 */
struct seq_file {
  char *buf;
  size_t size;
  size_t from;
  size_t count;
  loff_t index;
  loff_t read_pos;
  const struct seq_operations *op;
  /* What single_open was given as `data`; the rest is the kernel's. */
  void *private;
};

/* start and next answer with the record at *position, NULL behind the last; show with 0, or SEQ_SKIP to leave no trace. */
#define SEQ_SKIP 1
struct seq_operations {
  void *(*start)(struct seq_file *m, loff_t *position);
  void (*stop)(struct seq_file *m, void *v);
  void *(*next)(struct seq_file *m, void *v, loff_t *position);
  int (*show)(struct seq_file *m, void *v);
};

void seq_printf(struct seq_file *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
void seq_puts(struct seq_file *m, const char *text);
void seq_putc(struct seq_file *m, int letter);
int seq_write(struct seq_file *m, const void *from, size_t count);
int seq_open(struct file *file, const struct seq_operations *operations);
int seq_release(struct file *file);
int single_open(struct file *file, int (*show)(struct seq_file *m, void *v), void *data);
int single_release(struct file *file);
ssize_t seq_read(struct file *file, char __user *to, size_t count, loff_t *position);
loff_t seq_lseek(struct file *file, loff_t offset, int whence);

/*
 * Files in /proc. `name` may name directories that exist, `parent` is one of proc_mkdir or NULL; mode 0 is 0444. NULL where the
 * name is taken or the directory is not there. What a module leaves behind goes with it.
 */
struct proc_dir_entry;

struct proc_dir_entry *proc_create(const char *name, umode_t mode, struct proc_dir_entry *parent,
                                   const struct file_operations *operations);
/* With a word for the operations, which pde_data gives back. */
struct proc_dir_entry *proc_create_data(const char *name, umode_t mode, struct proc_dir_entry *parent,
                                        const struct file_operations *operations, void *data);
void *pde_data(const struct file *file);
struct proc_dir_entry *proc_create_single(const char *name, umode_t mode, struct proc_dir_entry *parent,
                                          int (*show)(struct seq_file *m, void *v));
struct proc_dir_entry *proc_create_seq(const char *name, umode_t mode, struct proc_dir_entry *parent,
                                       const struct seq_operations *operations);
struct proc_dir_entry *proc_mkdir(const char *name, struct proc_dir_entry *parent);
void proc_remove(struct proc_dir_entry *entry);
void remove_proc_entry(const char *name, struct proc_dir_entry *parent);

/*
 * The data store: what a driver leaves with the kernel for its successor, under keys of its own. A driver in a domain of its own
 * that has died is loaded anew; what it has published is still there, and nobody else sees it. What is removed by rmmod leaves
 * nothing behind. A key has at most 31 bytes; a driver may have 64 of them, all drivers together 512 (-ENOSPC).
 */

#define INIT_FRESH 0
/* Its predecessor has died; what that had published can be retrieved. */
#define INIT_RESTART 1
/* Its predecessor has been unloaded for this one. */
#define INIT_LIVE_UPDATE 2

/* How the driver comes to be loaded: INIT_FRESH, ... */
int init_mode(void);
int ds_publish_u32(const char *key, u32 value);
/* At most 480 bytes, which are copied. */
int ds_publish_bytes(const char *key, const void *from, size_t length);
/*
 * A range of the driver's own memory, as it will be when the driver dies. The successor retrieves it in its init, and publishes
 * its own: when it is live, the old range is gone.
 */
int ds_publish_range(const char *key, const void *address, size_t length);
/* 0, -ENOENT, -EINVAL where it is of another type. */
int ds_retrieve_u32(const char *key, u32 *to);
/* These return bytes; -ENOENT, -EINVAL; -E2BIG where the bytes are more than `size`. Of a range at most `size` are copied. */
int ds_retrieve_bytes(const char *key, void *to, size_t size);
int ds_retrieve_range(const char *key, void *to, size_t size);
/* How often the key was published, or -ENOENT. */
int ds_version(const char *key);
int ds_delete(const char *key);

/*
 * Timers: a function that is called when its time has come, between two calls of the driver. A jiffy is a millisecond. A timer
 * must stay where it is; those that a module leaves running are stopped when it is removed.
 */
#define HZ 1000
#define jiffies ((unsigned long)get_jiffies_64())
#define msecs_to_jiffies(ms) (ms)

struct timer_list {
  struct timer_list *next;
  struct timer_list **pprev;
  unsigned long expires;
  void (*function)(struct timer_list *timer);
  u32 flags;
  void *owner;
};

#define timer_pending(timer) ((timer)->pprev != NULL)
#define from_timer(variable, timer, member) container_of(timer, __typeof__(*(variable)), member)

u64 get_jiffies_64(void);
/* The monotonic clock in ns. */
s64 ktime_get(void);
void timer_setup(struct timer_list *timer, void (*function)(struct timer_list *timer), unsigned int flags);
void add_timer(struct timer_list *timer);
/* These return 1 where it was running. */
int mod_timer(struct timer_list *timer, unsigned long expires);
int del_timer(struct timer_list *timer);
int del_timer_sync(struct timer_list *timer);

/* What the kernel calls: module_init and module_exit define them. */
int init_module(void);
void cleanup_module(void);

#pragma GCC visibility pop

/*
 * The module. Each of these stands outside functions and makes an entry in one of the module's sections (.modinfo, __param,
 * __ksymtab; kernel and tools read them from the file): no code, no data.
 */

/* int NAME(void): 0, or the negative of an error, which becomes insmod's; void NAME(void). They may be static. */
#define module_init(name) int init_module(void) __attribute__((alias(#name)))
#define module_exit(name) void cleanup_module(void) __attribute__((alias(#name)))

/*
 * The licence: "GPL", "GPL v2", "Dual BSD/GPL", "Dual MIT/GPL" …; with any other, or none, the kernel is tainted, and symbols for
 * the GPL alone are refused. Says also which kernel the module was built for, and its name where the build gives one.
 */
#define MODULE_LICENSE(text) ISOLAB_INFO("license", text); ISOLAB_INFO("vermagic", ISOLAB_VERMAGIC) ISOLAB_NAME
#define MODULE_AUTHOR(text) ISOLAB_INFO("author", text)
#define MODULE_DESCRIPTION(text) ISOLAB_INFO("description", text)
#define MODULE_VERSION(text) ISOLAB_INFO("version", text)
/* Another name under which modprobe finds it, `devname:NAME` for a device that is opened; `*` and `?` match. */
#define MODULE_ALIAS(text) ISOLAB_INFO("alias", text)
/* "pre: a b post: c": modules that modprobe loads around it where they are there. */
#define MODULE_SOFTDEP(text) ISOLAB_INFO("softdep", text)
/*
 * What its death leads to in a domain of its own: "transient,essential,intensity:3/5000,backoff:100/10000,stable:10000,
 * owners:restart" without spaces; permanent, transient or temporary, as Erlang means them.
 */
#define MODULE_RESTART(words) ISOLAB_INFO("restart", words)

/*
 * Makes a variable of this file a parameter: insmod NAME variable=value. The type is bool, int, uint or charp (char *), perm a
 * file's mode under /sys/module/NAME/parameters, 0 for none there. module_param_named gives it another name.
 */
#define module_param(variable, type, perm) module_param_named(variable, variable, type, perm)
#define module_param_named(name, variable, type, perm)                                                           \
  ISOLAB_PARAM(name, variable, type, ISOLAB_TYPE_##type, perm, 1, #type);                                         \
  _Static_assert(__builtin_types_compatible_p(__typeof__(variable), ISOLAB_C_##type),                            \
                 "parameter " #name " is not of type " #type)
/* The same for an array, "array=1,2,3". The count is a number, not an expression: the assembler reads it. */
#define module_param_array(variable, type, count, perm)                                                          \
  ISOLAB_PARAM(variable, variable, type, ISOLAB_TYPE_##type + 0x80, perm, count, "array of " #type);              \
  _Static_assert(__builtin_types_compatible_p(__typeof__((variable)[0]), ISOLAB_C_##type),                       \
                 "parameter " #variable " is not of type " #type);                                               \
  _Static_assert(ARRAY_SIZE(variable) == (count), "parameter " #variable " does not have " #count " elements")
#define MODULE_PARM_DESC(name, text) ISOLAB_INFO("parm", #name ":" text)
/* A parameter whose value is kept at rmmod, and is there again at the next insmod. */
#define MODULE_PERSIST(name) ISOLAB_INFO("persist", #name)

/*
 * Lets other modules use a function or a variable of this file, which must not be static; _GPL: those under the GPL alone.
 * Where the other module lives in a domain of its own, a call crosses with its parameters. A second argument says what each is
 * by a letter: s a number (all are, where nothing is said), i a buffer that is read, o one that is written, l the bytes of
 * the buffer before it. EXPORT_SYMBOL(hash, "ils"). Variables do not cross.
 */
#define EXPORT_SYMBOL(...) ISOLAB_EXPORT(0, __VA_ARGS__, "", )
#define EXPORT_SYMBOL_GPL(...) ISOLAB_EXPORT(1, __VA_ARGS__, "", )

/* From here on: how it is done. Nothing of this is for drivers. */

/* The same as VERMAGIC of kernel/abi/version.ts. */
#define ISOLAB_VERMAGIC "0.1.0 isolab SMP mod_unload wasm32"

#define ISOLAB_STRING_(...) #__VA_ARGS__
#define ISOLAB_STRING(...) ISOLAB_STRING_(__VA_ARGS__)
#define ISOLAB_SECTION(name) ".section .custom_section." name ",\"\",@\n"

#define ISOLAB_INFO(key, ...)                                                                                    \
  __asm__(ISOLAB_SECTION(".modinfo") ".ascii \"" key "=\"\n.ascii " ISOLAB_STRING(__VA_ARGS__) "\n.int8 0\n")

/* KBUILD_MODNAME: the module's name as a string, where the build defines it. */
#ifdef KBUILD_MODNAME
#define ISOLAB_NAME ; ISOLAB_INFO("name", KBUILD_MODNAME)
#else
#define ISOLAB_NAME
#endif

#define ISOLAB_TYPE_bool 0
#define ISOLAB_TYPE_int 1
#define ISOLAB_TYPE_uint 2
#define ISOLAB_TYPE_charp 3
#define ISOLAB_C_bool _Bool
#define ISOLAB_C_int int
#define ISOLAB_C_uint unsigned int
#define ISOLAB_C_charp char *

/* The variable's place is a relocation in the section; a second name keeps it where no code uses or writes it. */
#define ISOLAB_PARAM(name, variable, type, code, perm, count, words)                                             \
  extern __typeof__(variable) isolab_param_##name                                                                \
    __attribute__((alias(#variable), used, visibility("default")));                                              \
  __asm__(ISOLAB_SECTION("__param") ".asciz \"" #name "\"\n.int8 " ISOLAB_STRING(code) "\n.int16 " ISOLAB_STRING( \
    perm) "\n.int16 " ISOLAB_STRING(count) "\n.int32 " #variable "\n");                                         \
  ISOLAB_INFO("parmtype", #name ":" words)

#define ISOLAB_EXPORT(flags, symbol, kinds, ...)                                                                 \
  __asm__(ISOLAB_SECTION("__ksymtab") ".asciz \"" #symbol "\"\n.asciz " #kinds "\n.int8 " #flags "\n.int32 0\n")

_Static_assert(sizeof(void *) == 4 && sizeof(long) == 4, "drivers are built for wasm32");

#endif
