// violates: no-orphans
export const alone = true
