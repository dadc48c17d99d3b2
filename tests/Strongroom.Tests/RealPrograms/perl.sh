# Hashes, sorting, regular expressions and forks in perl.
# run: tools=perl window=64M idle=50ms limit=120
exec perl - <<'PERL'
use strict; use warnings; use Digest::MD5 qw(md5_hex);
my $scale = $ENV{TARGET_SCALE} || 1;
my %h; $h{md5_hex($_)} = $_ for 1 .. 60000 * $scale;
select undef, undef, undef, 0.3;
my @k = sort keys %h;
my $text = join ' ', @k[0 .. 20000];
my $n = () = $text =~ /a(?=b)/g;
my @kids;
for my $p (0 .. 3) {
    my $pid = open(my $fh, '-|') // die;
    if (!$pid) { print md5_hex(join ',', map { $h{$k[$_]} } grep { $_ % 4 == $p } 0 .. $#k); exit 0 }
    push @kids, $fh;
}
print "$n ", md5_hex($text), ' ', join(' ', map { my $f = $_; scalar <$f> } @kids), "\n";
close $_ for @kids;
print md5_hex(join ',', map { $h{$_} } @k), "\n";
PERL
