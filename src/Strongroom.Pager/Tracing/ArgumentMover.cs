using System;
using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Pager.Agent;

namespace Strongroom.Pager.Tracing;

/// <summary>Has the kernel show a copy of a program's arguments in /proc/PID/cmdline; see <see cref="ArgumentCopy"/>. Runs on the tracer thread.</summary>
internal sealed class ArgumentMover
{
    private const int MaxBytes = 1 << 20;

    private readonly prctl_mm_map _map;
    private readonly bool _isAlone;
    private int _endCall;
    private int _mapCall;
    private ulong _address;

    private ArgumentMover(in prctl_mm_map map, bool isAlone)
    {
        _map = map;
        _isAlone = isAlone;
    }

    /// <summary>Gets what the copy takes, in bytes: whole pages.</summary>
    internal int AreaBytes => ArgumentCopy.AreaBytesFor((int)(_map.arg_end - _map.arg_start));

    /// <summary>Looks where the arguments lie.</summary>
    /// <param name="thread">A stopped thread.</param>
    /// <param name="injector">Makes calls in it.</param>
    /// <returns>Null: none, not to be seen, or so many that they are left where they are.</returns>
    internal static ArgumentMover? TryFind(TracedThread thread, Injector injector)
    {
        if (!ProcessTable.TryGetLayout(thread.Tid, out prctl_mm_map map)
            || map.arg_start == 0 || map.arg_end <= map.arg_start || map.arg_end - map.arg_start > MaxBytes)
        {
            return null;
        }

        bool isAlone = thread.Process.Threads.Count == 1 && thread.Process.Memory.Users.Count == 1;
        long end = isAlone ? injector.Call(Libc.SYS_brk, 0) : 0;
        map.brk = (ulong)Math.Max(end, 0);
        return end < 0 ? null : new ArgumentMover(map, isAlone); // it was killed
    }

    /// <summary>Makes the copy.</summary>
    /// <param name="memory">The target's memory.</param>
    /// <param name="address">Of <see cref="AreaBytes"/> writable bytes in it.</param>
    /// <returns>Whether it was made.</returns>
    internal bool TryCopy(OwnedDescriptor memory, ulong address)
    {
        _address = address;
        Span<byte> buffer = stackalloc byte[PageNumber.SizeBytes]; // who may see processes sees their arguments: they are no secret here
        for (ulong at = _map.arg_start; at < _map.arg_end; at += (ulong)buffer.Length)
        {
            Span<byte> part = buffer[..(int)Math.Min(_map.arg_end - at, (ulong)buffer.Length)];
            if (memory.ReadAt(part, (long)at) != part.Length || memory.WriteAt(part, (long)(address + (at - _map.arg_start))) != part.Length)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Adds to an agent's message what tells the kernel.</summary>
    /// <remarks>Start and end alone take CAP_SYS_RESOURCE. The whole of it takes no privilege, but would undo a brk(2) of another thread.</remarks>
    internal void AddTo(AgentMessage message)
    {
        prctl_mm_map map = _map;
        map.arg_start = _address;
        map.arg_end = _address + (_map.arg_end - _map.arg_start);
        map.exe_fd = uint.MaxValue;
        _ = message.Add(Libc.SYS_prctl, Libc.PR_SET_MM, Libc.PR_SET_MM_ARG_START, map.arg_start);
        _endCall = message.Add(Libc.SYS_prctl, Libc.PR_SET_MM, Libc.PR_SET_MM_ARG_END, map.arg_end);
        _mapCall = _endCall;
        if (_isAlone)
        {
            Span<byte> bytes = stackalloc byte[prctl_mm_map.SizeBytes];
            map.Write(bytes);
            ulong length = (ulong)bytes.Length;
            _mapCall = message.Add(Libc.SYS_prctl, Libc.PR_SET_MM, Libc.PR_SET_MM_MAP, message.AddData(bytes), length);
        }
    }

    /// <summary>Reads what the kernel has answered.</summary>
    /// <param name="message">The reply.</param>
    /// <returns>Null when it refused.</returns>
    internal ArgumentCopy? ResultOf(AgentMessage message) => message.Result(_endCall) == 0 || message.Result(_mapCall) == 0
        ? new ArgumentCopy(_map.arg_start, _map.arg_end, _address) : null;
}
