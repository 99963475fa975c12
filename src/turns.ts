/** One at a time, in the order asked: each task starts when the one before has ended, however it ended. */
export type Turns = <T>(task: () => Promise<T>) => Promise<T>

export const takeTurns = (): Turns => {
  let last: Promise<unknown> = Promise.resolve()
  return (task) => {
    const turn = last.then(task, task)
    last = turn.catch(() => undefined)
    return turn
  }
}
