/** The project's own oxlint rules. */
const bareError = {
  create(context) {
    return {
      ThrowStatement(node) {
        const thrown = node.argument;
        if (
          thrown?.type === 'NewExpression' &&
          /^(Error|TypeError|RangeError)$/.test(thrown.callee.name ?? '')
        ) {
          context.report({
            node,
            message: 'Throw an HpbError with a code (core/errors.ts), not a bare Error.',
          });
        }
      },
    };
  },
};

export default { meta: { name: 'hpb' }, rules: { 'no-bare-error': bareError } };
