/* A stand-in for FFmpeg that tries what a program could that was taken over by a hostile file.
 *
 * Its last argument is the address that it is given to read. It prints ffprobe's answer about a video in a format that is
 * unknown; the name of the format is the list of the attempts that succeeded. With ATTACKS_PLAIN in place of an address it
 * prints a line for each attempt.
 *
 * Compiled with -DSECRET, -DFOLDER, -DSOCKET (paths) and -DOTHER_PORT.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

static char succeeded[4096];
static int plain;

static void result(const char *name, int success) {
    if (plain) printf("%s %s\n", name, success ? "works" : "refused");
    if (!success) return;
    if (succeeded[0]) strcat(succeeded, ",");
    strcat(succeeded, name);
}

static int can_read(const char *path) {
    char bytes[64];
    int file = open(path, O_RDONLY);
    if (file < 0) return 0;
    int count = read(file, bytes, sizeof bytes);
    close(file);
    return count > 0;
}

static int can_write(const char *folder) {
    char path[512];
    snprintf(path, sizeof path, "%s/attacked-%d", folder, getpid());
    int file = open(path, O_CREAT | O_WRONLY, 0600);
    if (file < 0) return 0;
    close(file);
    unlink(path);
    return 1;
}

static int can_read_of_parent(const char *name) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", getppid(), name);
    return can_read(path);
}

static int can_open_memory_of_parent(void) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", getppid());
    int file = open(path, O_RDWR);
    if (file >= 0) close(file);
    return file >= 0;
}

static int can_connect(const char *address, int port) {
    int s = socket(AF_INET, SOCK_STREAM, 0);
    if (s < 0) return 0;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, address, &to.sin_addr);
    int refused = connect(s, (struct sockaddr *)&to, sizeof to);
    close(s);
    return !refused;
}

static int can_open_socket(int family, int type, int protocol) {
    int s = socket(family, type, protocol);
    if (s >= 0) close(s);
    return s >= 0;
}

static int can_serve(void) {
    int s = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET};
    int served = s >= 0 && !bind(s, (struct sockaddr *)&at, sizeof at) && !listen(s, 1);
    close(s);
    return served;
}

static int can_listen_without_bind(void) {
    int s = socket(AF_INET, SOCK_STREAM, 0);
    int served = s >= 0 && !listen(s, 1);
    close(s);
    return served;
}

static int can_reach_unix(const char *path, int abstract) {
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    if (s < 0) return 0;
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    strncpy(to.sun_path + abstract, path, sizeof to.sun_path - 2);
    socklen_t length = offsetof(struct sockaddr_un, sun_path) + abstract + strlen(path);
    int reached = !connect(s, (struct sockaddr *)&to, length);
    close(s);
    return reached;
}

static int can_trace_parent(void) {
    /* Unlike PTRACE_ATTACH, this does not stop it. */
    return !ptrace(PTRACE_SEIZE, getppid(), 0, 0);
}

/* Permission is looked at before the address is. */
static int can_copy_from_parent(void) {
    char bytes[8];
    struct iovec here = {bytes, sizeof bytes}, there = {(void *)4096, sizeof bytes};
    return process_vm_readv(getppid(), &here, 1, &there, 1, 0) >= 0 || errno == EFAULT;
}

static int can_take_descriptor(void) {
    int process = syscall(SYS_pidfd_open, getppid(), 0);
    if (process < 0) return 0;
    return syscall(SYS_pidfd_getfd, process, 0, 0) >= 0;
}

static int can_fork(void) {
    int child = fork();
    if (child == 0) _exit(0);
    if (child > 0) waitpid(child, NULL, 0);
    return child > 0;
}

static int can_clone3(void) {
    unsigned long long arguments[11] = {0};
    arguments[4] = SIGCHLD;
    int child = syscall(SYS_clone3, arguments, 64);
    if (child == 0) _exit(0);
    if (child > 0) waitpid(child, NULL, 0);
    return child > 0;
}

static int can_watch(const char *path) {
    int watch = inotify_init1(0);
    return watch >= 0 && inotify_add_watch(watch, path, IN_ALL_EVENTS) >= 0;
}

static int can_limit_parent(void) {
    struct rlimit limit;
    return !prlimit(getppid(), RLIMIT_CORE, NULL, &limit);
}

static int can_take_memory(void) {
    size_t part = 256 << 20;
    for (int i = 0; i < 64; i++) {
        char *bytes = mmap(NULL, part, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (bytes == MAP_FAILED) return 0;
    }
    return 1;
}

static int can_list(const char *path) {
    DIR *folder = opendir(path);
    if (!folder) return 0;
    closedir(folder);
    return 1;
}

static void attack(void) {
    char renamed[512];
    snprintf(renamed, sizeof renamed, "%s.renamed", SECRET);
    result("environment-of-parent", can_read_of_parent("environ"));
    result("command-line-of-parent", can_read_of_parent("cmdline"));
    result("memory-of-parent", can_open_memory_of_parent());
    result("ptrace", can_trace_parent());
    result("process_vm_readv", can_copy_from_parent());
    result("pidfd_getfd", can_take_descriptor());
    result("signal", !kill(getppid(), 0));
    result("prlimit", can_limit_parent());
    result("secret", can_read(SECRET));
    result("passwd", can_read("/etc/passwd"));
    result("maps", can_read("/proc/self/maps"));
    result("list", can_list(FOLDER));
    result("write-data", can_write(FOLDER));
    result("write-tmp", can_write("/tmp"));
    result("write-shm", can_write("/dev/shm"));
    result("truncate", !truncate(SECRET, 4));
    result("chmod", !chmod(SECRET, 0666));
    result("fchmodat2", !syscall(SYS_fchmodat2, AT_FDCWD, SECRET, 0666, 0));
    result("utime", !utimensat(AT_FDCWD, SECRET, NULL, 0));
    result("rename", !rename(SECRET, renamed) && !rename(renamed, SECRET));
    result("watch", can_watch(FOLDER));
    result("other-port", can_connect("127.0.0.1", OTHER_PORT));
    result("bind", can_serve());
    result("listen", can_listen_without_bind());
    result("abstract-socket", can_reach_unix(SOCKET, 1));
    result("unix-socket", can_reach_unix(SOCKET, 0));
    result("udp", can_open_socket(AF_INET, SOCK_DGRAM, 0));
    result("tcp6", can_open_socket(AF_INET6, SOCK_STREAM, 0));
    result("mptcp", can_open_socket(AF_INET, SOCK_STREAM, 262));
    result("raw", can_open_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
    result("netlink", can_open_socket(AF_NETLINK, SOCK_RAW, 0));
    result("packet", can_open_socket(AF_PACKET, SOCK_DGRAM, 0));
    result("fork", can_fork());
    result("clone3", can_clone3());
    result("memfd", memfd_create("x", 0) >= 0);
    result("mount-namespace", !unshare(CLONE_NEWNS));
    result("user-namespace", !unshare(CLONE_NEWUSER));
    result("io_uring", syscall(SYS_io_uring_setup, 1, (char[256]){0}) >= 0);
    result("bpf", syscall(SYS_bpf, 0, (char[128]){0}, 128) >= 0 || errno == EINVAL);
    result("keyctl", syscall(SYS_add_key, "user", "x", "y", 1, -3) >= 0);
    result("userfaultfd", syscall(SYS_userfaultfd, 0) >= 0);
    result("shared-memory", shmget(IPC_PRIVATE, 4096, 0600) >= 0);
    result("privileges", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1);
    result("memory", can_take_memory());
}

int main(int count, char **arguments) {
    const char *address = arguments[count - 1];
    plain = !strcmp(address, "ATTACKS_PLAIN");
    if (!plain && strncmp(address, "http://", 7)) {
        printf("attacker version 1\n");
        return 0;
    }
    int port = atoi(plain ? arguments[count - 2] : strrchr(address, ':') + 1);
    result("loopback", can_connect("127.0.0.1", port));
    attack();
    if (plain) {
        fflush(stdout);
        /* The last one: after it, this program is another. */
        execl("/bin/echo", "echo", "exec works", (char *)NULL);
        printf("exec refused\n");
        return 0;
    }
    printf("{\"streams\":[{\"index\":0,\"codec_type\":\"video\",\"codec_tag_string\":\"%s\",\"width\":1,\"height\":1}]}\n",
           succeeded);
    return 0;
}
