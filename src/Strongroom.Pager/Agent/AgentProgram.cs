using Iced.Intel;
using Strongroom.Kernel;
using static Iced.Intel.AssemblerRegisters;

namespace Strongroom.Pager.Agent;

/// <summary>The agent's machine code: a loop that does what a message says and sends it back: system calls, and overwriting
/// memory. No key, no policy, no stack.</summary>
/// <remarks>
/// It starts as a clone of a stopped thread of the target, at the first instruction, with <c>rbx</c> = address of the message
/// pages and <c>r12</c> = the target's own process id: its parent for as long as the target lives. The clone shares the
/// target's memory and nothing else for long: it leaves its process group and session, so that a signal to the group misses it, and takes
/// an empty descriptor table of its own. It was cloned with every signal blocked.
/// When the pager is gone it stays, because it holds the last duplicate of the userfaultfd (without one the kernel would answer
/// faults with zero pages), until the target is gone too. It must therefore never wait for the pager in a system call: calls that
/// may meet a sealed page are done aside, by a child that shares everything with it and dies with it. Source: clone(2), close_range(2),
/// userfaultfd(2).
/// </remarks>
internal static class AgentProgram
{
    /// <summary>The assembled code; the clone system call is its first instruction.</summary>
    internal static byte[] Code { get; } = MachineCode.Assemble(Write);

    private static void Write(Assembler c)
    {
        Label child = c.CreateLabel();
        c.syscall();                              // clone: the parent is stopped by the tracer right after this
        c.test(rax, rax);
        c.jz(child);
        c.int3();

        c.Label(ref child);
        Label patience = c.CreateLabel();
        WriteStart(c, patience);
        WriteLoop(c);
        c.Label(ref patience);
        c.dq(0ul, 400_000ul);
    }

    private static void WriteStart(Assembler c, Label patience)
    {
        c.mov(eax, 112);                          // setsid()
        c.syscall();
        c.mov(eax, 436);                          // close_range(0, ~0, CLOSE_RANGE_UNSHARE)
        c.xor(edi, edi);
        c.mov(esi, -1);
        c.mov(edx, 2);
        c.syscall();
        c.mov(eax, 302);                          // prlimit64(0, RLIMIT_NOFILE, NULL, message): a full table is no reason to fail
        c.xor(edi, edi);
        c.mov(esi, 7);
        c.xor(edx, edx);
        c.lea(r10, __[rbx + AgentLayout.CallsOffset]);
        c.syscall();
        c.mov(rax, __[rbx + AgentLayout.CallsOffset + 8]); // soft = hard, in this process only
        c.mov(__[rbx + AgentLayout.CallsOffset], rax);
        c.mov(eax, 302);                          // prlimit64(0, RLIMIT_NOFILE, message, NULL)
        c.xor(edi, edi);
        c.lea(rdx, __[rbx + AgentLayout.CallsOffset]);
        c.xor(r10d, r10d);
        c.syscall();
        c.mov(eax, 53);                           // socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, message)
        c.mov(edi, 1);
        c.mov(esi, 5 | 0x80000);
        c.xor(edx, edx);
        c.mov(r10, rbx);
        c.syscall();
        c.mov(r14, rax);
        c.mov(eax, 54);                           // setsockopt(0, SOL_SOCKET, SO_RCVTIMEO, {0, 400 ms}, 16)
        c.xor(edi, edi);
        c.mov(esi, 1);
        c.mov(edx, 20);
        c.lea(r10, __[patience]);
        c.mov(r8d, 16);
        c.syscall();
        c.lea(rcx, __[r14 + 1]);                  // ready: 1, or 1 - errno of socketpair
        c.mov(__dword_ptr[rbx + AgentLayout.ReadyOffset], ecx);
    }

    private static void WriteLoop(Assembler c)
    {
        Label receive = c.CreateLabel();
        Label run = c.CreateLabel();
        Label next = c.CreateLabel();
        Label call = c.CreateLabel();
        Label make = c.CreateLabel();
        Label done = c.CreateLabel();
        Label reply = c.CreateLabel();
        Label watch = c.CreateLabel();
        Label leave = c.CreateLabel();
        Label pause = c.CreateLabel();

        c.xor(ebp, ebp);                          // the child aside, to be reaped: none
        c.Label(ref receive);
        c.mov(eax, 45);                           // recvfrom(0, message, MessageBytes, 0, NULL, NULL)
        c.xor(edi, edi);
        c.mov(rsi, rbx);
        c.mov(edx, AgentLayout.MessageBytes);
        c.xor(r10d, r10d);
        c.xor(r8d, r8d);
        c.xor(r9d, r9d);
        c.syscall();
        c.test(rax, rax);
        c.jg(run);
        c.cmp(rax, -4);                           // EINTR
        c.je(receive);
        c.mov(r15, rax);
        c.mov(eax, 110);                          // nothing came for a while, or the pager is gone: is the target?
        c.syscall();
        c.cmp(rax, r12);
        c.jne(leave);
        c.test(r15, r15);
        c.jnz(receive);
        c.jmp(watch);

        c.Label(ref run);
        c.mov(r15, rax);                          // length, for the reply
        c.mov(r14d, __dword_ptr[rbx]);
        c.lea(r13, __[rbx + AgentLayout.CallsOffset]);
        c.cmp(__dword_ptr[rbx + AgentLayout.AsideOffset], 0);
        c.je(next);
        WriteAside(c, receive, reply, leave);
        c.Label(ref next);
        c.test(r14d, r14d);
        c.jz(reply);
        c.mov(rax, __[r13]);
        c.mov(rdi, __[r13 + 8]);
        c.mov(rsi, __[r13 + 16]);
        c.cmp(rax, AgentLayout.WipeNumber);
        c.jne(call);
        c.mov(rcx, rsi);                          // no system call: overwrite rsi bytes at rdi with zeros
        c.xor(eax, eax);
        c.cld();
        c.rep.stosb();
        c.jmp(done);
        c.Label(ref call);
        c.btr(rax, AgentLayout.IfAllSucceededBit);
        c.jnc(make);
        c.cmp(__qword_ptr[rbx + AgentLayout.FailuresOffset], 0);
        c.je(make);
        c.mov(rax, -Libc.ECANCELED);
        c.jmp(done);
        c.Label(ref make);
        c.mov(rdx, __[r13 + 24]);
        c.mov(r10, __[r13 + 32]);
        c.mov(r8, __[r13 + 40]);
        c.mov(r9, __[r13 + 48]);
        c.syscall();
        c.Label(ref done);
        c.mov(__[r13 + 56], rax);
        c.or(__[rbx + AgentLayout.FailuresOffset], rax);
        c.add(r13, AgentLayout.CallBytes);
        c.dec(r14d);
        c.jmp(next);

        c.Label(ref reply);
        c.mov(eax, 44);                           // sendto(0, message, length, MSG_NOSIGNAL, NULL, 0)
        c.xor(edi, edi);
        c.mov(rsi, rbx);
        c.mov(rdx, r15);
        c.mov(r10d, 0x4000);
        c.xor(r8d, r8d);
        c.xor(r9d, r9d);
        c.syscall();
        c.cmp(ebp, -1);
        c.jne(receive);
        c.jmp(leave);                             // the child aside is done

        c.Label(ref watch);                       // the pager is gone: outlive the target, then end
        c.mov(eax, 35);                           // nanosleep({0, 20 ms}, NULL)
        c.lea(rdi, __[pause]);
        c.xor(esi, esi);
        c.syscall();
        c.jmp(receive);

        c.Label(ref leave);
        c.mov(eax, 231);                          // exit_group(0)
        c.xor(edi, edi);
        c.syscall();
        c.ud2();
        c.Label(ref pause);
        c.dq(0ul, 20_000_000ul);
    }

    // Goes on as the child at the next instruction; as the parent, to receive the next message.
    private static void WriteAside(Assembler c, Label receive, Label reply, Label leave)
    {
        Label isReaped = c.CreateLabel();
        c.mov(edi, ebp);
        c.test(edi, edi);
        c.jz(isReaped);
        c.mov(eax, 61);                           // wait4(last child, NULL, __WALL, NULL): it has replied and is ending
        c.xor(esi, esi);
        c.mov(edx, 0x40000000);
        c.xor(r10d, r10d);
        c.mov(r9, __[rbx + AgentLayout.WaitPassOffset]);
        c.syscall();
        c.Label(ref isReaped);
        c.mov(eax, 39);                           // getpid()
        c.syscall();
        c.mov(r9, rax);
        c.mov(eax, 56);                           // clone(CLONE_VM | CLONE_FILES, no exit signal)
        c.mov(edi, 0x100 | 0x400);
        c.xor(esi, esi);
        c.xor(edx, edx);
        c.xor(r10d, r10d);
        c.xor(r8d, r8d);
        c.syscall();
        c.mov(rbp, rax);
        c.test(rax, rax);
        c.js(reply);                              // no process to be had: the calls are not made
        c.jnz(receive);
        c.dec(rbp);                               // -1: this is the child
        c.mov(eax, 157);                          // prctl(PR_SET_PDEATHSIG, SIGKILL)
        c.mov(edi, 1);
        c.mov(esi, 9);
        c.syscall();
        c.mov(eax, 110);                          // getppid(): did the agent end before that?
        c.syscall();
        c.cmp(rax, r9);
        c.jne(leave);
    }
}
