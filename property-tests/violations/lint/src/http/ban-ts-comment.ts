// violates: typescript(ban-ts-comment)
// @ts-ignore: a silenced type is a lost one
export const run = (): number => 'one'
