// violates: typescript(no-unnecessary-type-assertion)
export const run = (text: string): string => text as string
