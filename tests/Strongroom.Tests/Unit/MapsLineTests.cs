using System;
using System.Text;
using Strongroom.Kernel;
using Xunit;

namespace Strongroom.Tests.Unit;

public class MapsLineTests
{
    [Theory]
    [InlineData("5614c0b5d000-5614c0b7e000 rw-p 00000000 00:00 0                          [heap]", "Heap")]
    [InlineData("7ffde6b63000-7ffde6b84000 rw-p 00000000 00:00 0                          [stack]", "Stack")]
    [InlineData("7f8ac1498000-7f8ac1499000 rw-p 00000000 00:00 0 ", "Anonymous")]
    [InlineData("7f8ac1498000-7f8ac1499000 rw-p 00000000 00:00 0                          [anon:pool]", "Anonymous")]
    [InlineData("7f8ac1499000-7f8ac149a000 rw-p 00000000 00:06 4                          /dev/zero", "Anonymous")]
    [InlineData("7f8ac1498000-7f8ac1499000 rw-s 00000000 00:01 1095                       /dev/zero (deleted)", "SharedMemory")]
    [InlineData("7f8ac149b000-7f8ac149c000 rw-s 00000000 00:01 1094              /memfd:a b\\012x (deleted)", "SharedMemory")]
    [InlineData("7f8ac149a000-7f8ac149b000 rw-p 00000000 00:01 1094              /memfd:a b\\012x (deleted)", "FilePrivate")]
    [InlineData("7f8ac12b2000-7f8ac12b3000 rw-s 00000000 00:01 0                          /SYSV00000000 (deleted)", "SharedMemory")]
    [InlineData("7f8ac12b1000-7f8ac12b2000 rw-s 00000000 00:1b 11                         /dev/shm/zzt (deleted)", "SharedMemory")]
    [InlineData("7f8ac149f000-7f8ac14a1000 rw-s 00000000 00:0e 23488                      /secretmem (deleted)", "Secret")]
    [InlineData("7f8ac1000000-7f8ac1200000 rw-p 00000000 00:11 23489                      /anon_hugepage (deleted)", "HugeTlb")]
    [InlineData("7f8ac12ad000-7f8ac12ae000 rw-s 00000000 00:10 23490                      anon_inode:[io_uring]", "Device")]
    [InlineData("7f8ac12ad000-7f8ac12ae000 rw-s 00000000 00:06 90                         /dev/dri/card0", "Device")]
    [InlineData("561495599000-56149559a000 r-xp 00001000 fe:00 11657296                   /usr/bin/cat", "FilePrivate")]
    [InlineData("561495599000-56149559a000 r--s 00001000 fe:00 11657296                   /var/cache/fonts (deleted)", "FileShared")]
    [InlineData("7f8ac14a9000-7f8ac14ab000 r-xp 00000000 00:00 0                          [vdso]", "Kernel")]
    [InlineData("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]", "Kernel")]
    public void A_mapping_is_told_by_its_line(string line, string kind) =>
        Assert.Equal(kind, MapsLine.Parse(Encoding.ASCII.GetBytes(line), 0).Kind.ToString());

    [Fact]
    public void Every_column_is_read()
    {
        byte[] line = "7f8ac1432000-7f8ac1485000 r-xs 0017c000 fe:1a 332096                     /usr/lib/a b"u8.ToArray();
        Vma vma = MapsLine.Parse(line, 100);
        Assert.Equal(0x7f8ac1432000ul, vma.Range.Start.Value);
        Assert.Equal(0x7f8ac1485000ul, vma.Range.End.Value);
        Assert.Equal(VmaAccess.Read | VmaAccess.Execute | VmaAccess.Shared, vma.Access);
        Assert.Equal(0x17c000ul, vma.Offset);
        Assert.Equal(new VmaFile(0xfe, 0x1a, 332096), vma.File);
        Assert.Equal("/usr/lib/a b", Encoding.ASCII.GetString(line, vma.Name.Start - 100, vma.Name.Length));
    }

    [Theory]
    [InlineData("")]
    [InlineData("7f8ac1432000")]
    [InlineData("7f8ac1432000-7f8ac1485000 r-x")]
    [InlineData("7f8ac1432000-7f8ac1485000 r-xp 0017c000 fe 332096")]
    [InlineData("7F8ac1432000-7f8ac1485000 r-xp 0017c000 fe:00 332096")]
    public void A_line_of_another_form_is_refused(string line) =>
        Assert.Throws<FormatException>(() => MapsLine.Parse(Encoding.ASCII.GetBytes(line), 0));
}
