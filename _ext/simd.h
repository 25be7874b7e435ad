/* One portable source, several instruction sets: the macros behind every hot loop.
 *
 * A function marked TP_SIMD is compiled once for each level below and picked when the module is loaded
 * (GNU indirect functions). What it calls must be TP_INLINE: such a helper is inlined and vectorised anew in
 * each clone, whereas an ordinary function stays at the baseline and is called through memory.
 *
 *     TP_INLINE float square(float x) { return x * x; }
 *     static TP_SIMD void square_all(float *TP_RESTRICT y, const float *TP_RESTRICT x, ptrdiff_t n) {
 *         for (ptrdiff_t i = 0; i < n; i++) y[i] = square(x[i]);
 *     }
 *
 * Cost: a call of a TP_SIMD function is an indirect call, so mark the loop, not its body.
 */
#ifndef TP_SIMD_H
#define TP_SIMD_H

#include <stddef.h> /* with glibc, any system header defines __GLIBC__; stddef.h alone does not */
#include <stdlib.h>
#include <string.h>

/* TP_SIMD_64 and TP_SIMD_32 are for functions in the compiler's own vector types, of 64 and of 32 bytes, which are to
 * be called where tp_vector_bytes() says so. They are compiled where TP_HAS_64 and TP_HAS_32 say so; vectors of 16
 * bytes are everywhere. A type wider than the registers is not for hot loops: GCC takes it apart through memory.
 *
 * TP_SIMD_LEVEL, 1 to 4, is the highest level of x86-64 to compile for: with 3, tests on any machine run what one
 * without AVX-512 runs.
 */
#ifndef TP_SIMD_LEVEL
#define TP_SIMD_LEVEL 4
#endif

/* GCC 12 is the first that clones by micro-architecture level. Sanitizers instrument the resolvers, which run
 * before the sanitizers are ready. A build for one machine (TP_NATIVE) has nothing left to choose. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12 && defined(__GLIBC__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(TP_NATIVE) && TP_SIMD_LEVEL >= 3
#define TP_SIMD_CLONES 1
#if TP_SIMD_LEVEL >= 4
#define TP_SIMD __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define TP_SIMD __attribute__((target_clones("arch=x86-64-v3", "default")))
#endif
#define TP_SIMD_64 __attribute__((target("arch=x86-64-v4")))
#define TP_SIMD_32 __attribute__((target("arch=x86-64-v3")))
#else
#define TP_SIMD_CLONES 0
#define TP_SIMD
#define TP_SIMD_64
#define TP_SIMD_32
#endif

#if defined(_MSC_VER)
#define TP_RESTRICT __restrict
#define TP_INLINE static __forceinline
#else
#define TP_RESTRICT restrict
#define TP_INLINE static inline __attribute__((always_inline))
#endif

/* The instruction set that TP_SIMD functions use on this processor. The tests and their order are the
 * compiler's own when it resolves a clone. */
static inline const char *tp_simd_level(void) {
#if TP_SIMD_CLONES
    __builtin_cpu_init();
    if (TP_SIMD_LEVEL >= 4 && __builtin_cpu_supports("x86-64-v4")) return "x86-64-v4";
    if (__builtin_cpu_supports("x86-64-v3")) return "x86-64-v3";
    return "baseline";
#elif defined(TP_NATIVE)
    return "native";
#elif defined(__aarch64__) || defined(_M_ARM64)
    return "neon";
#else
    return "baseline";
#endif
}

#define TP_HAS_64 ((TP_SIMD_CLONES && TP_SIMD_LEVEL >= 4) || TP_ALWAYS_64)
#define TP_HAS_32 (TP_SIMD_CLONES || TP_ALWAYS_32)
#if defined(__AVX512F__)
#define TP_ALWAYS_64 1
#else
#define TP_ALWAYS_64 0
#endif
#if defined(__AVX2__) && defined(__FMA__)
#define TP_ALWAYS_32 1
#else
#define TP_ALWAYS_32 0
#endif

/* The bytes of a vector that kernels in the compiler's own vector types take; 0: this compiler has none. */
static inline int tp_vector_bytes(void) {
#if !defined(__GNUC__)
    return 0;
#elif TP_SIMD_CLONES
    const char *level = tp_simd_level();
    return strcmp(level, "x86-64-v4") == 0 ? 64 : strcmp(level, "x86-64-v3") == 0 ? 32 : 16;
#else
    return TP_HAS_64 ? 64 : TP_HAS_32 ? 32 : 16;
#endif
}

#endif
