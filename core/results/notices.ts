/** Said in every document that goes to a reader. */
export const NOT_A_MEDICAL_DEVICE =
  'Not a medical device. For research and education only; not for diagnosis or for planning treatment.';

/** Said wherever a result of demo weights is shown. */
export const DEMO_NOTICE =
  'DEMO WEIGHTS: tiny networks trained on synthetic phantoms made these masks. They show that the software works ' +
  'and mean nothing about a patient. DEMO results must not be used.';
