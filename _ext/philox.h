/* Random masks by the counter-based generator Philox4x32-10.
 *
 * Four random words are a function of a counter and a key alone (J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw,
 * "Parallel random numbers: as easy as 1, 2, 3", SC11): ten rounds of two 32-bit products whose halves change
 * places. So every block of a mask can be drawn by itself, by any thread and on any device, with the same result.
 * Block b draws the elements b, q + b, 2 q + b and 3 q + b of a mask of at most 4 q: neighbouring blocks then write to
 * neighbouring places.
 */
#ifndef TP_PHILOX_H
#define TP_PHILOX_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "simd.h"

#define TP_PHILOX_ROUNDS 10
#define TP_PHILOX_TILE 256 /* blocks at a time */

/* keep[j][i] = whether word j of block first + i is at least `threshold`, which is 1 to 2^32 */
static TP_SIMD void tp_philox_tile(unsigned char (*TP_RESTRICT keep)[TP_PHILOX_TILE], uint64_t key, uint64_t first,
                                   uint64_t threshold) {
    const uint32_t most = (uint32_t)(threshold - 1);
    for (int i = 0; i < TP_PHILOX_TILE; i++) {
        const uint64_t block = first + (uint64_t)i;
        uint32_t a = (uint32_t)block, b = (uint32_t)(block >> 32), c = 0, d = 0;
        uint32_t k = (uint32_t)key, l = (uint32_t)(key >> 32);
        for (int round = 0; round < TP_PHILOX_ROUNDS; round++) {
            const uint64_t p = (uint64_t)0xD2511F53u * a, q = (uint64_t)0xCD9E8D57u * c;
            a = (uint32_t)(q >> 32) ^ b ^ k;
            b = (uint32_t)q;
            c = (uint32_t)(p >> 32) ^ d ^ l;
            d = (uint32_t)p;
            k += 0x9E3779B9u;
            l += 0xBB67AE85u;
        }
        keep[0][i] = a > most;
        keep[1][i] = b > most;
        keep[2][i] = c > most;
        keep[3][i] = d > most;
    }
}

/* The elements that the blocks first to last - 1 draw, of a mask of n. */
static inline void tp_keep_blocks(unsigned char *mask, ptrdiff_t n, uint64_t key, uint64_t threshold, ptrdiff_t first,
                                  ptrdiff_t last) {
    const ptrdiff_t quarter = (n + 3) / 4;
    unsigned char keep[4][TP_PHILOX_TILE];
    for (ptrdiff_t at = first; at < last; at += TP_PHILOX_TILE) {
        const ptrdiff_t some = last - at < TP_PHILOX_TILE ? last - at : TP_PHILOX_TILE;
        tp_philox_tile(keep, key, (uint64_t)at, threshold);
        for (int j = 0; j < 4; j++) {
            const ptrdiff_t place = j * quarter + at, left = n - place, count = left < some ? left : some;
            if (count > 0) memcpy(mask + place, keep[j], (size_t)count);
        }
    }
}

#endif
