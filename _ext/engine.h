/* Per-thread state of the engine: whether operations record a graph, and whether they are autocast. */
#ifndef TP_ENGINE_H
#define TP_ENGINE_H

#if defined(_MSC_VER)
#define TP_THREAD_LOCAL __declspec(thread)
#else
#define TP_THREAD_LOCAL _Thread_local
#endif

/* One word, read once for each operation. A new thread starts with a zeroed variable: gradients on, autocast off. */
enum { TP_NO_GRAD = 1, TP_AUTOCAST = 2 };
static TP_THREAD_LOCAL int tp_modes = 0;

static inline int tp_modes_get(void) { return tp_modes; }
static inline void tp_modes_set(int modes) { tp_modes = modes; }
static inline void tp_mode_set(int mode, int on) { tp_modes = on ? tp_modes | mode : tp_modes & ~mode; }

static inline int tp_grad_get(void) { return !(tp_modes & TP_NO_GRAD); }
static inline void tp_grad_set(int enabled) { tp_mode_set(TP_NO_GRAD, !enabled); }

#endif
