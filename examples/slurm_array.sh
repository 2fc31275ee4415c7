#!/bin/bash
# One search for each seed, as an array of Slurm jobs: sbatch slurm_array.sh --preset laptop --max-time 3h
# A job that is cut short or runs again goes on where it was. When all are done: archsearch runs merge runs/seed-* -o seeds
#SBATCH --job-name=archsearch
#SBATCH --array=1-8
#SBATCH --cpus-per-task=16
#SBATCH --time=04:00:00
#SBATCH --output=seed-%a.log
set -eu
exec archsearch evolve --run "seed-$SLURM_ARRAY_TASK_ID" --seed "$SLURM_ARRAY_TASK_ID" \
    --workers "$SLURM_CPUS_PER_TASK" "$@"
