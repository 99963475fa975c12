// violates: typescript(switch-exhaustiveness-check)
export const run = (state: 'up' | 'down'): number => {
  switch (state) {
    case 'up':
      return 1
  }
  return 0
}
