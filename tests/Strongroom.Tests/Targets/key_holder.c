// Holds expanded AES keys at odd places, as a cipher would, for the search that must find them. Also the reverse:
// near misses that it must not take for keys.
#include "common.h"

static uint8_t box[256];

static uint8_t times2(uint8_t x)
{
    return x << 1 ^ (x >> 7) * 0x1b;
}

static void make_box(void)
{
    uint8_t p = 1, q = 1;
    do {    // p runs through the field by times 3, q by division by 3 (FIPS 197, section 5.1.1).
        p ^= times2(p);
        q ^= q << 1, q ^= q << 2, q ^= q << 4;
        if (q & 0x80)
            q ^= 0x09;
        uint8_t r = q ^ (q << 1 | q >> 7) ^ (q << 2 | q >> 6) ^ (q << 3 | q >> 5) ^ (q << 4 | q >> 4);
        box[p] = r ^ 0x63;
    } while (p != 1);
    box[0] = 0x63;
}

// FIPS 197, section 5.2.
static void expand(uint8_t *out, size_t stride, const uint8_t *key, int key_words)
{
    uint8_t w[60][4], constant = 1;
    int rounds = key_words + 6;
    memcpy(w, key, key_words * 4);
    for (int i = key_words; i < 4 * (rounds + 1); i++) {
        uint8_t t[4];
        memcpy(t, w[i - 1], 4);
        if (i % key_words == 0) {
            uint8_t first = t[0];
            t[0] = box[t[1]] ^ constant, t[1] = box[t[2]], t[2] = box[t[3]], t[3] = box[first];
            constant = times2(constant);
        } else if (key_words > 6 && i % key_words == 4) {
            for (int k = 0; k < 4; k++)
                t[k] = box[t[k]];
        }
        for (int k = 0; k < 4; k++)
            w[i][k] = w[i - key_words][k] ^ t[k];
    }
    for (int r = 0; r <= rounds; r++)
        memcpy(out + r * stride, w[4 * r], 16);
    memset(w, 0, sizeof w);
}

int main(void)
{
    make_box();
    unsigned char *area = map(2 * MiB);
    fill(area, 2 * MiB, 1);
    uint8_t key[32];
    for (int i = 0; i < 32; i++)
        key[i] = word_at(99, i);
    expand(area + 1000, 16, key, 8);
    expand(area + 50003, 16, key + 8, 4);                   // An odd address.
    expand(area + 100 * PAGE - 100, 16, key + 4, 4);        // Across two pages.
    expand(area + 300000, 64, key, 8);                      // Every round key four times as wide.
    expand(area + 500000, 16, key, 8);
    area[500000 + 200] ^= 1;                                // One bit is wrong: no key.
    memset(key, 0, sizeof key);
    printf("ready %d %p\n", getpid(), (void *)area);
    fflush(stdout);
    for (;;)
        pause();
}
