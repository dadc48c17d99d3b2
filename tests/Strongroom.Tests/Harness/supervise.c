// supervise SECONDS RESULT-FILE PROGRAM [ARG...]
//
// Runs PROGRAM in a session of its own and is the reaper of everything it leaves behind, so that a test can state
// "nothing of this tree is left" and can end a tree that hangs. Standard streams pass through. RESULT-FILE receives
// lines "key value": how the program ended, how long it ran, who outlived it, and, after a timeout, where every
// process of the tree was standing. A watchdog has to be outside the runtime it watches; hence C, hence a process.
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MaxProcesses = 65536, GraceMilliseconds = 1000, KillMilliseconds = 10000 };

struct process { pid_t pid, parent; char state; char name[64]; };

static struct process all[MaxProcesses];
static FILE *result;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void pause_milliseconds(int milliseconds)
{
    struct timespec t = { milliseconds / 1000, milliseconds % 1000 * 1000000L };
    nanosleep(&t, NULL);
}

static int read_process(pid_t pid, struct process *p)
{
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, line, sizeof line - 1);
    close(fd);
    if (n <= 0)
        return 0;
    line[n] = 0;
    char *open_paren = strchr(line, '('), *close_paren = strrchr(line, ')');
    if (!open_paren || !close_paren)
        return 0;
    *close_paren = 0;
    p->pid = pid;
    snprintf(p->name, sizeof p->name, "%s", open_paren + 1);
    // A leader that has exited before its threads shows as a zombie and is none: num_threads (proc(5)) tells.
    int threads = 0;
    if (sscanf(close_paren + 1, " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d",
               &p->state, &p->parent, &threads) < 2)
        return 0;
    if (p->state == 'Z' && threads > 1)
        p->state = 'L';
    return 1;
}

// Fills found[] with the living descendants of this process (zombies apart, which nobody but a parent can end).
static int descendants(struct process **found)
{
    int count = 0, living = 0;
    DIR *proc = opendir("/proc");
    if (!proc)
        return 0;
    for (struct dirent *e; (e = readdir(proc)) && count < MaxProcesses;)
        if (isdigit((unsigned char)e->d_name[0]) && read_process(atoi(e->d_name), &all[count]))
            count++;
    closedir(proc);
    static char in_tree[MaxProcesses];
    memset(in_tree, 0, count);
    pid_t self = getpid();
    for (int changed = 1; changed;) {
        changed = 0;
        for (int i = 0; i < count; i++) {
            if (in_tree[i])
                continue;
            int belongs = all[i].parent == self;
            for (int j = 0; !belongs && j < count; j++)
                belongs = in_tree[j] && all[j].pid == all[i].parent;
            if (belongs)
                in_tree[i] = changed = 1;
        }
    }
    for (int i = 0; i < count; i++)
        if (in_tree[i] && all[i].state != 'Z' && all[i].state != 'X')
            found[living++] = &all[i];
    return living;
}

static void print_file(const char *label, const char *format, ...)
{
    char path[128], text[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(path, sizeof path, format, arguments);
    va_end(arguments);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return;
    text[n] = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        fprintf(result, "diagnostic     %s: %s\n", label, line);
}

static void diagnose(pid_t pid)
{
    char path[320];
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *tasks = opendir(path);
    if (!tasks)
        return;
    for (struct dirent *e; (e = readdir(tasks));) {
        if (!isdigit((unsigned char)e->d_name[0]))
            continue;
        struct process p;
        if (read_process(atoi(e->d_name), &p))
            fprintf(result, "diagnostic   thread %d (%s) state %c\n", p.pid, p.name, p.state);
        print_file("wchan", "/proc/%d/task/%s/wchan", pid, e->d_name);
        print_file("syscall", "/proc/%d/task/%s/syscall", pid, e->d_name);
        print_file("stack", "/proc/%d/task/%s/stack", pid, e->d_name);
        char status[4096];
        snprintf(path, sizeof path, "/proc/%d/task/%s/status", pid, e->d_name);
        FILE *file = fopen(path, "re");
        while (file && fgets(status, sizeof status, file))
            if (!strncmp(status, "TracerPid", 9) || !strncmp(status, "Sig", 3) || !strncmp(status, "Shd", 3))
                fprintf(result, "diagnostic     %s", status);
        if (file)
            fclose(file);
    }
    closedir(tasks);
}

static void reap(pid_t root, int *status, int *ended)
{
    int s;
    for (pid_t pid; (pid = waitpid(-1, &s, WNOHANG | __WALL)) > 0;)
        if (pid == root && (WIFEXITED(s) || WIFSIGNALED(s))) {
            *status = s;
            *ended = 1;
        }
}

// Ends the whole tree, also one that forks as fast as it is killed; returns how many would not die.
static int kill_tree(pid_t root, int *status, int *ended)
{
    static struct process *found[MaxProcesses];
    double limit = now() + KillMilliseconds / 1000.0;
    int living;
    while ((living = descendants(found)) > 0 && now() < limit) {
        for (int i = 0; i < living; i++)
            kill(found[i]->pid, SIGKILL);
        reap(root, status, ended);
        pause_milliseconds(5);
    }
    reap(root, status, ended);
    return living;
}

static void report_survivors(const char *key, int with_diagnostics)
{
    static struct process *found[MaxProcesses];
    int living = descendants(found);
    for (int i = 0; i < living && i < 40; i++) {
        fprintf(result, "%s %d %c %s\n", key, found[i]->pid, found[i]->state, found[i]->name);
        if (with_diagnostics)
            diagnose(found[i]->pid);
    }
    fflush(result);
}

static pid_t start(char **argv)
{
    sigset_t none;
    sigemptyset(&none);
    pid_t child = fork();
    if (child != 0)
        return child;
    setsid();
    sigprocmask(SIG_SETMASK, &none, NULL);
    execvp(argv[0], argv);
    fprintf(stderr, "supervise: cannot run %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

int main(int argc, char **argv)
{
    if (argc < 4 || !(result = fopen(argv[2], "we"))) {
        fprintf(stderr, "usage: supervise SECONDS RESULT-FILE PROGRAM [ARG...]\n");
        return 125;
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    pid_t watcher = getppid();
    double began = now(), limit = began + atof(argv[1]), orphaned_since = 0;
    int status = 0, ended = 0, timed_out = 0;
    pid_t root = start(argv + 3);
    static struct process *found[MaxProcesses];
    for (;;) {
        reap(root, &status, &ended);
        if (ended) {
            if (orphaned_since == 0) {
                orphaned_since = now();
                fprintf(result, "wall %.6f\n", orphaned_since - began);
            }
            if (descendants(found) == 0 || now() - orphaned_since > GraceMilliseconds / 1000.0)
                break;
        } else if (now() > limit || getppid() != watcher) {
            timed_out = 1;
            break;
        }
        pause_milliseconds(now() - began < 0.3 ? 1 : 5);
    }
    if (timed_out) {
        fprintf(result, "timeout %s\n", argv[1]);
        report_survivors("hung", 1);
    } else {
        report_survivors("survivor", 1);
    }
    int unkillable = kill_tree(root, &status, &ended);
    if (unkillable)
        report_survivors("unkillable", 1);
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    fprintf(result, "cpu %.6f\n", usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
        + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
    if (ended && WIFSIGNALED(status))
        fprintf(result, "signal %d\n", WTERMSIG(status));
    else if (ended)
        fprintf(result, "exit %d\n", WEXITSTATUS(status));
    fclose(result);
    return 0;
}
