"""The country codes that a tenant and a rule may name."""

from __future__ import annotations

__all__ = ["CODES", "suggest"]

#: The 249 officially assigned alpha-2 codes. Source: ISO 3166-1, as of 2026 (unchanged since South Sudan, 2011).
CODES = frozenset(
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ "
    "CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR "
    "GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO "
    "JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR "
    "MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO "
    "RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV "
    "TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW".split()
)

#: What people write instead: codes reserved for other uses, alpha-3 codes and short names that are often meant.
_MEANT = {
    "AUS": "AU",
    "AUSTRALIA": "AU",
    "BRASIL": "BR",
    "BRAZIL": "BR",
    "BRITAIN": "GB",
    "CAN": "CA",
    "CANADA": "CA",
    "CHINA": "CN",
    "DEU": "DE",
    "DEUTSCHLAND": "DE",
    "EL": "GR",
    "ENGLAND": "GB",
    "ESP": "ES",
    "ESPAÑA": "ES",
    "FRA": "FR",
    "FRANCE": "FR",
    "GBR": "GB",
    "GERMANY": "DE",
    "GREAT BRITAIN": "GB",
    "INDIA": "IN",
    "ITA": "IT",
    "ITALIA": "IT",
    "ITALY": "IT",
    "JAPAN": "JP",
    "JPN": "JP",
    "MEX": "MX",
    "MEXICO": "MX",
    "NEDERLAND": "NL",
    "NETHERLANDS": "NL",
    "POLAND": "PL",
    "POLSKA": "PL",
    "SPAIN": "ES",
    "UK": "GB",
    "UNITED KINGDOM": "GB",
    "UNITED STATES": "US",
    "UNITED STATES OF AMERICA": "US",
    "USA": "US",
}


def suggest(value: str) -> str | None:
    """Return the code that was probably meant by ``value``, or None where there is no good guess."""
    upper = value.strip().upper().replace(".", "")
    if upper in CODES:
        return upper
    if upper in _MEANT:
        return _MEANT[upper]
    if len(upper) < 3:  # as near to one code as to another
        return None
    import difflib  # for a wrong value only

    near = difflib.get_close_matches(upper, _MEANT, n=1, cutoff=0.8)
    return _MEANT[near[0]] if near else None
