// Ratios to nginx below which the short form is red.

/** The share of a floor that noise may take. */
export const SLACK = 0.85;

/** Case → ratio: the first figure of each case that has a floor and was warm. */
export const floorsOf = results =>
  Object.fromEntries(
    results
      .filter(({ floor, cold = [], figures }) => floor && cold.length === 0 && figures[0].value !== null)
      .map(({ key, figures }) => [key, figures[0].value]),
  );

/** One complaint for each case that is under its floor, by its key. A case that was not measured is none. */
export const underFloor = (measured, floors) =>
  new Map(
    Object.entries(measured)
      .filter(([key, ratio]) => floors[key] !== undefined && ratio < floors[key] * SLACK)
      .map(([key, ratio]) => [
        key,
        `${key}: ${ratio} of nginx, under ${SLACK} of the floor of ${floors[key]} (${(floors[key] * SLACK).toFixed(3)})`,
      ]),
  );
