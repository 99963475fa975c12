/**
 * A list that is spread into a call's arguments throws past some 120,000 items, and whoever sends a list decides how long it is.
 *
 * What is put together of one's own few parts says so where it does:
 * `// oxlint-disable-next-line mnemesh/no-spread-arguments -- why it is short`.
 */
const check = (context) => (node) => {
  for (const argument of node.arguments) {
    if (argument.type === 'SpreadElement') context.report({ node: argument, message: 'A list spread into arguments throws when it is long: loop over it, or say why it is short.' })
  }
}

export default {
  meta: { name: 'mnemesh' },
  rules: {
    'no-spread-arguments': { create: (context) => ({ CallExpression: check(context), NewExpression: check(context) }) },
  },
}
