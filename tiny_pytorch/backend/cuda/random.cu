// Random masks by Philox4x32-10; see the reference for its source.
#include "common.cuh"

// Thread by thread four words of a counter and the key, for the elements b, q + b, 2 q + b and 3 q + b of n <= 4 q.
extern "C" __global__ void keep_mask(bool* mask, index_t key, index_t threshold, index_t quarter, index_t n) {
    FOR_EACH(block, quarter) {
        unsigned a = (unsigned)block, b = (unsigned)(block >> 32), c = 0, d = 0;
        unsigned k = (unsigned)key, m = (unsigned)(key >> 32);
        for (int round = 0; round < 10; round++) {
            const unsigned long long p = 0xD2511F53ull * a, q = 0xCD9E8D57ull * c;
            a = (unsigned)(q >> 32) ^ b ^ k;
            b = (unsigned)q;
            c = (unsigned)(p >> 32) ^ d ^ m;
            d = (unsigned)p;
            k += 0x9E3779B9u;
            m += 0xBB67AE85u;
        }
        const unsigned words[4] = {a, b, c, d};
        for (int j = 0; j < 4; j++) {
            const index_t place = j * quarter + block;
            if (place < n) mask[place] = words[j] >= threshold;
        }
    }
}
