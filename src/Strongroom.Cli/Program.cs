using Strongroom.Cli;

return CommandLine.Invoke(args);
