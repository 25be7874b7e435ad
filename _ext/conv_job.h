/* What the parts of one convolution share. Included once for each type: TP_REAL, TP_NAME.
 * Arrays are C-contiguous: x (N, C, H, W), w (O, C / groups, kH, kW), y and g (N, O, H', W'). */

/* The weights of the input's gradient in one phase (one in all where the stride is 1), tile by tile, and where in the
 * rows of g what they meet is. */
typedef struct {
    TP_REAL *packed;
    ptrdiff_t *offset, rows;  /* of (filter, tap), and how many */
    ptrdiff_t *element, taps; /* of each tap: its place in the window */
} TP_NAME(tp_conv_phase);

/* Scratch of one worker, and of which block of images and group x and back are; -1: of none. */
typedef struct {
    TP_REAL *x, *g, *tile;
    TP_REAL *back; /* g as the input's gradient reads it; g itself where that is no other layout */
    ptrdiff_t x_held, back_held;
} TP_NAME(tp_conv_room);

typedef struct {
    tp_conv_plan plan;
    tp_conv_places places;
    TP_NAME(tp_conv_tiles) tiles;
    int by_place;            /* as in conv_places.h, else as in conv_rows.h */
    int rectified;           /* y is 0 where it would be less */
    const TP_REAL *x, *w, *b, *g;
    const TP_REAL *mask;     /* lies like g, which counts where it is above 0; or NULL */
    TP_REAL *y, *gx;         /* what is wanted */
    TP_REAL *gw;             /* (O, C / groups, taps) of each segment of the images */
    double *gb;              /* (O,) of each segment */
    ptrdiff_t segments, gw_size, gb_size;
    TP_REAL *packed;         /* the forward's weights, tile by tile */
    TP_NAME(tp_conv_phase) *phase;
    void *offsets;
    ptrdiff_t block, blocks; /* images that are worked on together, and how often */
    ptrdiff_t splits;        /* chunks to which the outputs of a block go */
    ptrdiff_t group_parts, filter_parts, channel_parts; /* into which gw of a segment is cut */
    TP_NAME(tp_conv_room) *rooms; /* of each worker */
    TP_REAL *scratch;
    ptrdiff_t scratch_size, x_size, g_size, back_size; /* of one worker; the rest is the tile's */
} TP_NAME(tp_conv_job);
