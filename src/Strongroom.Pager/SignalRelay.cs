using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Strongroom.Kernel;
using Strongroom.Pager.Tracing;

namespace Strongroom.Pager;

/// <summary>What the pager does with signals while its program runs: it passes them on and goes on serving.</summary>
/// <remarks>
/// A signal typed at the terminal reaches the whole foreground process group, the program included, so it is only swallowed here. Signals
/// that are sent to the pager alone are sent on to the program. Source: signal(7), termios(3) ISIG.
/// </remarks>
internal sealed class SignalRelay : IDisposable
{
    private readonly List<PosixSignalRegistration> _registrations = [];
    private readonly Tracer _tracer;

    /// <summary>Begins to relay.</summary>
    internal SignalRelay(Tracer tracer)
    {
        _tracer = tracer;
        Take(PosixSignal.SIGINT, 2, fromTerminal: true);
        Take(PosixSignal.SIGQUIT, 3, fromTerminal: true);
        Take(PosixSignal.SIGTSTP, 20, fromTerminal: true);
        Take(PosixSignal.SIGHUP, 1, fromTerminal: false);
        Take(PosixSignal.SIGTERM, 15, fromTerminal: false);
        Take(PosixSignal.SIGTTOU, 0, fromTerminal: true);
        Take(PosixSignal.SIGTTIN, 0, fromTerminal: true);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
        {
            registration.Dispose();
        }
    }

    private void Take(PosixSignal signal, int number, bool fromTerminal) =>
        _registrations.Add(PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            int pid = _tracer.RootPid;
            if (number != 0 && pid > 0 && !(fromTerminal && OwnProcess.IsInForeground()))
            {
                OwnProcess.Send(pid, number);
            }
        }));
}
