/* Per-thread state of the engine: whether operations record a graph. */
#ifndef TP_ENGINE_H
#define TP_ENGINE_H

#if defined(_MSC_VER)
#define TP_THREAD_LOCAL __declspec(thread)
#else
#define TP_THREAD_LOCAL _Thread_local
#endif

/* Stored as "disabled" so that a new thread starts with gradients on, as a zeroed variable. */
static TP_THREAD_LOCAL int tp_grad_disabled = 0;

static inline int tp_grad_get(void) { return !tp_grad_disabled; }
static inline void tp_grad_set(int enabled) { tp_grad_disabled = !enabled; }

#endif
