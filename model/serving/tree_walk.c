#include "tree_walk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define HAS_WIDTHS
#endif
#define INLINE static inline __attribute__((always_inline))

enum {
    FEW = 8,                /* up to here each row is walked alone: measured */
    TILE_BYTES = 48 * 1024, /* of slots and contributions, so that a tree is read once for a tile */
    MOST_BLOCKS = 8,
};

/* Largest difference between two ways to compute the sigmoid of a double. */
static const double DOUBT = 1e-15;

int is_measured(void) {
#if defined(HAS_WIDTHS) && defined(__GLIBC__) && !defined(__clang__)
    return 1;
#else
    return 0;
#endif
}

int has_width(int32_t width) {
#ifdef HAS_WIDTHS
    if (width == AVX2) return __builtin_cpu_supports("avx2") != 0;
#endif
    return width == BASELINE;
}

INLINE int64_t min(int64_t one, int64_t other) { return one < other ? one : other; }

INLINE int32_t step(const Ensemble *e, int32_t t, int32_t at, float value) {
    int32_t is_false = !(value < e->threshold[e->first_node[t] + at]); /* also for NaN */
    return e->next[e->first_next[t] + 2 * (int64_t)at + is_false];
}

INLINE void add_changes(const Ensemble *e, int32_t t, int64_t leaf, float *contributions) {
    int32_t width = e->width[t];
    const uint16_t *target = e->target + e->first_change[t] + leaf * width;
    const float *change = e->change + e->first_change[t] + leaf * width;
    for (int32_t c = 0; c < width; c++) contributions[target[c]] += change[c];
}

/* Find the leaves of a row in trees that follow each other, complete ones side by side: so the
   processor has other trees to walk while it waits for a node of one. */
INLINE void walk_trees(const Ensemble *e, int32_t first, int32_t count, const float *restrict x,
                       int32_t *restrict at) {
    const int32_t *restrict slot = e->slot;
    const float *restrict threshold = e->threshold;
    int64_t base[LANES];
    int32_t depth[LANES], deepest = 0;
    for (int r = 0; r < LANES; r++) {
        int32_t t = r < count ? first + r : first;
        depth[r] = r < count && e->is_complete[t] ? e->depth[t] : 0;
        base[r] = depth[r] ? e->first_node[t] : 0; /* a tree of one leaf may have no node */
        deepest = depth[r] > deepest ? depth[r] : deepest;
        at[r] = 0;
    }
    for (int32_t d = 0; d < deepest; d++) {
        for (int r = 0; r < LANES; r++) {
            int32_t is_inner = d < depth[r], i = at[r];
            int64_t node = base[r] + (is_inner ? i : 0); /* a leaf is no node */
            int32_t child = 2 * i + 2 - (x[slot[node]] < threshold[node]);
            at[r] = is_inner ? child : i;
        }
    }
    for (int32_t r = 0; r < count; r++) {
        int32_t t = first + r;
        if (e->is_complete[t]) continue;
        for (int32_t d = 0; d < e->depth[t]; d++) {
            at[r] = step(e, t, at[r], x[slot[e->first_node[t] + at[r]]]);
        }
    }
}

/* Write the margins and contributions of a few rows: the slots of a row lie side by side. */
INLINE void few_rows(const Ensemble *e, int has_reasons, const float *slots, int64_t n,
                     float *margin, float *contributions) {
    int32_t at[LANES];
    for (int64_t r = 0; r < n; r++) {
        const float *x = slots + r * e->n_slots;
        float *row = contributions + r * (e->n_contributions + 1);
        float sum = 0;
        for (int32_t first = 0; first < e->n_trees; first += LANES) {
            int32_t count = (int32_t)min(e->n_trees - first, LANES);
            walk_trees(e, first, count, x, at);
            for (int32_t i = 0; i < count; i++) {
                int64_t leaf = at[i] - e->n_inner[first + i];
                sum += e->margin[e->first_leaf[first + i] + leaf];
                if (has_reasons) add_changes(e, first + i, leaf, row);
            }
        }
        margin[r] = sum;
    }
}

INLINE void walk_complete(const float *restrict x, const int32_t *restrict slot,
                          const float *restrict threshold, int32_t depth, int32_t *restrict at) {
    for (int32_t d = 0; d < depth; d++) {
        for (int r = 0; r < LANES; r++) {
            int32_t i = at[r];
            at[r] = 2 * i + 2 - (x[slot[i] * LANES + r] < threshold[i]);
        }
    }
}

INLINE void walk_any(const float *restrict x, const int32_t *restrict slot,
                     const float *restrict threshold, const int32_t *restrict next, int32_t depth,
                     int32_t *restrict at) {
    for (int32_t d = 0; d < depth; d++) {
        for (int r = 0; r < LANES; r++) {
            int32_t i = at[r];
            at[r] = next[2 * i + 1 - (x[slot[i] * LANES + r] < threshold[i])];
        }
    }
}

/* Write the margins and contributions of blocks of rows: a slot's values of a block lie side by
   side. The trees are added in their order, so the sums do not depend on the blocks. Lanes beyond
   the last row are walked, too, as that is faster than to leave them out. */
INLINE void tile_of_rows(const Ensemble *e, int has_reasons, const float *slots, int64_t n,
                         float *margin, float *contributions) {
    int32_t at[LANES] __attribute__((aligned(64)));
    int32_t stride = e->n_contributions + 1;
    for (int32_t t = 0; t < e->n_trees; t++) {
        const int32_t *slot = e->slot + e->first_node[t];
        const float *threshold = e->threshold + e->first_node[t];
        const float *of_leaf = e->margin + e->first_leaf[t];
        for (int64_t b = 0; b * LANES < n; b++) {
            const float *x = slots + b * e->n_slots * LANES;
            for (int r = 0; r < LANES; r++) at[r] = 0;
            if (e->is_complete[t]) {
                walk_complete(x, slot, threshold, e->depth[t], at);
            } else {
                walk_any(x, slot, threshold, e->next + e->first_next[t], e->depth[t], at);
            }
            for (int r = 0; r < LANES; r++) at[r] -= e->n_inner[t];
            float *m = margin + b * LANES;
            for (int r = 0; r < LANES; r++) m[r] += of_leaf[at[r]];
            if (has_reasons) {
                float *row = contributions + b * LANES * stride;
                int64_t rows = min(n - b * LANES, LANES);
                for (int64_t r = 0; r < rows; r++) add_changes(e, t, at[r], row + r * stride);
            }
        }
    }
}

/* A build has the two functions for each width of vector registers. */
typedef void Walk(const Ensemble *, int, const float *, int64_t, float *, float *);

#define WALKS(width, attributes)                                                                \
    attributes static void few_##width(const Ensemble *e, int has_reasons, const float *slots,  \
                                       int64_t n, float *margin, float *contributions) {        \
        few_rows(e, has_reasons, slots, n, margin, contributions);                              \
    }                                                                                           \
    attributes static void tile_##width(const Ensemble *e, int has_reasons, const float *slots, \
                                        int64_t n, float *margin, float *contributions) {       \
        tile_of_rows(e, has_reasons, slots, n, margin, contributions);                          \
    }

WALKS(baseline, )
#ifdef HAS_WIDTHS
WALKS(avx2, __attribute__((target("avx2"))))
static Walk *const few[] = {few_baseline, few_avx2};
static Walk *const tiles[] = {tile_baseline, tile_avx2};
#else
static Walk *const few[] = {few_baseline};
static Walk *const tiles[] = {tile_baseline};
#endif

/* Write the strongest fields of a row, strongest first; of equal ones the first. */
static void write_reasons(const float *contributions, const Scoring *s, int64_t *field,
                          float *value) {
    int32_t found = 0;
    for (int32_t f = 0; f < s->n_fields; f++) {
        float size = fabsf(contributions[f]);
        int32_t place = found < s->top_k ? found : s->top_k;
        while (place > 0 && size > fabsf(value[place - 1])) place--;
        if (place == s->top_k) continue;
        int32_t last = found < s->top_k ? found++ : s->top_k - 1;
        for (int32_t i = last; i > place; i--) {
            field[i] = field[i - 1];
            value[i] = value[i - 1];
        }
        field[place] = f;
        value[place] = contributions[f];
    }
}

/* Write a row's outputs; return whether another exponential function might round the score in
   another way. The formula is ONNX Runtime's. */
static int write_row(const Ensemble *e, const Scoring *s, float margin, const float *contributions,
                     int64_t row, const Outputs *out) {
    double logit = (double)margin * s->slope + s->intercept;
    double high = 1 / (1 + exp(-fabs(logit)));
    double probability = logit < 0 ? 1 - high : high;
    int is_doubtful = (float)(probability - DOUBT) != (float)(probability + DOUBT);
    out->probability[row] = (float)probability;
    out->is_doubtful[row] = (uint8_t)is_doubtful;
    if (s->has_reasons) {
        int32_t n_aspects = e->n_contributions - s->n_fields;
        write_reasons(contributions, s, out->reason_field + row * s->top_k,
                      out->reason_value + row * s->top_k);
        memcpy(out->aspects + row * n_aspects, contributions + s->n_fields,
               (size_t)n_aspects * sizeof(float));
        if (out->contributions != NULL) {
            memcpy(out->contributions + row * s->n_fields, contributions,
                   (size_t)s->n_fields * sizeof(float));
        }
    }
    return is_doubtful;
}

INLINE float slot_value(const Ensemble *e, const float *row, int32_t slot) {
    float value = row[e->slot_column[slot]];
    return e->slot_is_low[slot] && value != value ? -INFINITY : value;
}

int64_t score_rows(const Ensemble *e, const Scoring *s, const float *rows, int64_t n,
                   const Outputs *out) {
    int is_few = n <= FEW;
    int64_t stride = e->n_contributions + 1;
    int64_t row_bytes = (e->n_slots + (s->has_reasons ? stride : 0)) * (int64_t)sizeof(float);
    int64_t blocks = TILE_BYTES / (row_bytes * LANES + 1);
    blocks = blocks < 1 ? 1 : min(blocks, MOST_BLOCKS);
    int64_t tile = is_few ? n : min(blocks, (n + LANES - 1) / LANES) * LANES;
    int64_t sums = s->has_reasons ? tile * stride : 0;
    float *memory = malloc((size_t)(tile * (e->n_slots + 1) + sums + 1) * sizeof(float));
    if (memory == NULL) return -1;
    float *margin = memory, *slots = margin + tile, *contributions = slots + tile * e->n_slots;
    int64_t doubtful = 0;
    for (int64_t start = 0; start < n; start += tile) {
        int64_t count = min(tile, n - start);
        memset(margin, 0, (size_t)tile * sizeof(float));
        memset(contributions, 0, (size_t)sums * sizeof(float));
        if (is_few) {
            for (int64_t r = 0; r < count; r++)
                for (int32_t i = 0; i < e->n_slots; i++)
                    slots[r * e->n_slots + i] = slot_value(e, rows + r * e->n_columns, i);
            few[s->width](e, s->has_reasons, slots, count, margin, contributions);
        } else {
            int64_t n_blocks = (count + LANES - 1) / LANES;
            for (int64_t r = 0; r < n_blocks * LANES; r++) {
                /* The rest of the last block repeats the last row. */
                const float *row = rows + (start + min(r, count - 1)) * e->n_columns;
                float *block = slots + r / LANES * e->n_slots * LANES + r % LANES;
                for (int32_t i = 0; i < e->n_slots; i++) block[i * LANES] = slot_value(e, row, i);
            }
            tiles[s->width](e, s->has_reasons, slots, count, margin, contributions);
        }
        for (int64_t r = 0; r < count; r++)
            doubtful += write_row(e, s, margin[r], contributions + r * (sums ? stride : 0),
                                  start + r, out);
    }
    free(memory);
    return doubtful;
}
