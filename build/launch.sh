# Builds the command line for the launcher. Sourced by ./strongroom, which sets $root and defines stale.
# A build goes to a directory of its own and `current` is switched to it in one step, so a running command never sees its
# assemblies change under it.

set -eu
launch=$root/artifacts/launch
mkdir -p "$launch"
exec 9>"$launch/lock"
flock 9

# Another start may have built while this one waited.
stale || exit 0

if ! command -v dotnet >/dev/null; then
    echo "strongroom: the .NET 10 SDK is needed to build (the command 'dotnet' was not found)" >&2
    exit 1
fi

build=$launch/$(date +%s).$$
mkdir "$build"
: >"$build/stamp" # older than any source that changes during the build
log=$launch/build.log

# No descriptor of the lock for the build servers, which would hold it after the build. stdin stays the command's.
publish() {
    dotnet publish "$root/src/Strongroom.Cli/Strongroom.Cli.csproj" -c Release -r linux-x64 -o "$build" \
        --nologo -v quiet -nodeReuse:false -p:UseSharedCompilation=false "-clp:ErrorsOnly;NoSummary" -p:StrongroomLaunch=true \
        "$@" </dev/null >"$log" 2>&1 9>&-
}

# As machine code it starts in a seventh of the time, and its first faults are as fast as its last. That needs a C compiler, to link it, and
# a processor with AVX2, so that encryption with AES-NI keeps all that is secret in registers.
publish_native() {
    { command -v gcc || command -v clang; } >/dev/null && grep -qw -m 1 avx2 /proc/cpuinfo &&
        publish -p:PublishAot=true -p:IlcInstructionSet=x86-64-v3 -p:StripSymbols=false &&
        "$build/Strongroom.Cli" --version >>"$log" 2>&1 # refused if some other instruction is missing
}

# Otherwise for the runtime, compiled ahead of time if the package for that can be had.
if ! publish_native && ! publish --no-self-contained -p:PublishReadyToRun=true && ! publish --no-self-contained; then
    cat "$log" >&2
    echo "strongroom: the build failed" >&2
    rm -rf "$build"
    exit 1
fi
ln -s "${build##*/}" "$launch/current.$$"
mv -T "$launch/current.$$" "$launch/current"

# Older builds may still run: they load assemblies when first needed. A week is taken as long enough.
find "$launch" -mindepth 1 -maxdepth 1 -type d -mtime +7 ! -path "$build" ! -path "$launch/build" -exec rm -rf {} +
