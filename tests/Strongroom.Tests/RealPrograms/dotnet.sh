# A .NET program with the server and with the workstation collector.
# run: tools=dotnet window=64M idle=200ms limit=240
set -e
for server in 0 1; do
    DOTNET_gcServer=$server DOTNET_GCHeapCount=2 dotnet "$TARGET_WORKLOAD" "${TARGET_SCALE:-1}"
done
