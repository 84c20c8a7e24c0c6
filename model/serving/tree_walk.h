/* Scores of leads by a tree ensemble that is laid out for the cache; model/serving/tree_layout.py
   makes the arrays and checks every id in them. */
#ifndef LEADSCORE_TREE_WALK_H
#define LEADSCORE_TREE_WALK_H

#include <stdint.h>

enum { LANES = 16 }; /* rows that are walked at once: the widest vector register */

typedef struct {
    int32_t n_columns, n_slots, n_trees, n_contributions;
    /* A slot is a column that trees read, with NaN as it is or as minus infinity: [n_slots] */
    const int32_t *slot_column;
    const uint8_t *slot_is_low;
    /* Trees: [n_trees]; where a tree begins in the arrays below */
    const uint8_t *is_complete;
    const int32_t *depth, *n_inner, *width;
    const int64_t *first_node, *first_next, *first_leaf, *first_change;
    /* Nodes: a complete tree has them level by level; the children of node i are 2i + 1 and 2i + 2.
       Any other tree has its branches, then its leaves, and two entries of `next` a node. */
    const int32_t *slot;
    const float *threshold;
    const int32_t *next;
    /* Leaves, and `width` changes of contributions for each; those that are left over are 0 and go
       to a contribution of their own, the last one. */
    const float *margin;
    const uint16_t *target;
    const float *change;
} Ensemble;

/* Widths of vector registers; the first is what every processor of the kind has. */
enum { BASELINE, AVX2 };

typedef struct {
    double slope, intercept;
    int32_t n_fields, top_k, has_reasons, width;
} Scoring;

typedef struct {
    float *probability;    /* [n] */
    uint8_t *is_doubtful;  /* [n] */
    int64_t *reason_field; /* [n, top_k] */
    float *reason_value;   /* [n, top_k] */
    float *contributions;  /* [n, n_fields], or NULL */
    float *aspects;        /* [n, n_contributions - n_fields] */
} Outputs;

/* Returns the number of doubtful scores, or -1 if there is no memory. */
int64_t score_rows(const Ensemble *trees, const Scoring *scoring, const float *rows, int64_t n,
                   const Outputs *outputs);

/* Returns whether this build and this processor have a width. */
int has_width(int32_t width);

/* Returns whether this build was measured on processors like this one. */
int is_measured(void);

#endif
