/**
 * A list that is spread into a call's arguments throws past some 120,000 items, and whoever sends a list decides how long it is.
 * There is no exception: where the list is short and our own, a loop or `concat` costs nothing either.
 */
const check = (context) => (node) => {
  for (const argument of node.arguments) {
    if (argument.type === 'SpreadElement')
      context.report({ node: argument, message: 'A list spread into arguments throws when it is long: loop over it.' })
  }
}

export default {
  meta: { name: 'mnemesh' },
  rules: {
    'no-spread-arguments': { create: (context) => ({ CallExpression: check(context), NewExpression: check(context) }) },
  },
}
