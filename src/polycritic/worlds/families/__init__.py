"""The built-in families of problems. This door is the list of them: a new family is a file and a line here."""

from polycritic.worlds.families._anagrams import anagrams
from polycritic.worlds.families._answer_relevance import answer_relevance
from polycritic.worlds.families._arithmetic import arithmetic
from polycritic.worlds.families._boolean_expressions import boolean_expressions
from polycritic.worlds.families._comparing_quantities import comparing_quantities
from polycritic.worlds.families._counting_letters import counting_letters
from polycritic.worlds.families._counting_objects import counting_objects
from polycritic.worlds.families._dates import dates
from polycritic.worlds.families._extracting_fields import extracting_fields
from polycritic.worlds.families._grid_navigation import grid_navigation
from polycritic.worlds.families._grounded_summary import grounded_summary
from polycritic.worlds.families._json_objects import json_objects
from polycritic.worlds.families._list_operations import list_operations
from polycritic.worlds.families._number_bases import number_bases
from polycritic.worlds.families._number_sequences import number_sequences
from polycritic.worlds.families._ordering import ordering
from polycritic.worlds.families._program_synthesis import program_synthesis
from polycritic.worlds.families._python_expressions import python_expressions
from polycritic.worlds.families._roman_numerals import roman_numerals
from polycritic.worlds.families._set_operations import set_operations
from polycritic.worlds.families._shown_steps import shown_steps
from polycritic.worlds.families._sorting_words import sorting_words
from polycritic.worlds.families._stated_rules import stated_rules
from polycritic.worlds.families._string_edits import string_edits
from polycritic.worlds.families._table_lookup import table_lookup
from polycritic.worlds.families._tracking_swaps import tracking_swaps
from polycritic.worlds.families._unit_conversion import unit_conversion
from polycritic.worlds.families._where_things_are import where_things_are

__all__ = [
    "anagrams",
    "answer_relevance",
    "arithmetic",
    "boolean_expressions",
    "comparing_quantities",
    "counting_letters",
    "counting_objects",
    "dates",
    "extracting_fields",
    "grid_navigation",
    "grounded_summary",
    "json_objects",
    "list_operations",
    "number_bases",
    "number_sequences",
    "ordering",
    "program_synthesis",
    "python_expressions",
    "roman_numerals",
    "set_operations",
    "shown_steps",
    "sorting_words",
    "stated_rules",
    "string_edits",
    "table_lookup",
    "tracking_swaps",
    "unit_conversion",
    "where_things_are",
]
