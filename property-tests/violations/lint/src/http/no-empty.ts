// violates: eslint(no-empty)
export const run = (act: () => void): void => {
  try {
    act()
  } catch {}
}
